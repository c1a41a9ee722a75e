"""An event loop in which waiting takes no time."""

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class _Skipping(selectors.SelectSelector):
    """Waits for no descriptor: what would have been waited for is skipped."""

    skipped_s = 0.0

    def select(self, timeout: float | None = None) -> Any:
        if timeout:
            self.skipped_s += timeout
        return super().select(0)


class VirtualLoop(asyncio.SelectorEventLoop):
    """Its time passes only while everybody waits."""

    def __init__(self) -> None:
        self.skipping = _Skipping()
        super().__init__(self.skipping)

    def time(self) -> float:
        return self.skipping.skipped_s


class LoopClock:
    """Both clocks, as the running loop has it."""

    def now_s(self) -> float:
        return asyncio.get_running_loop().time()

    def now_ns(self) -> int:
        return 1_700_000_000_000_000_000 + int(self.now_s() * 1e9)


def run_virtually(scenario: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine in virtual time; an hour of waiting takes none."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(scenario)
