"""The clock of the event loop, and something to happen later by it."""

import asyncio
from collections.abc import Callable
from typing import Protocol


class Timer(Protocol):
    """A clock that can be told to call back."""

    def now_s(self) -> float:
        """Monotonic."""

    def call_later(self, delay_s: float, callback: Callable[[], None]) -> object:
        """Call once, after a delay; before whatever happens later."""


class LoopTimer:
    """The loop that runs now."""

    def now_s(self) -> float:
        """The loop's own clock, by which it calls back."""
        return asyncio.get_running_loop().time()

    def call_later(self, delay_s: float, callback: Callable[[], None]) -> object:
        """Ask the loop."""
        return asyncio.get_running_loop().call_later(delay_s, callback)
