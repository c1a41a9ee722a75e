"""A thread for what may block: one thing after the other, in the order asked."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar, TypeVarTuple

Result = TypeVar("Result")
Arguments = TypeVarTuple("Arguments")


class DiskThread:
    """Runs functions beside the loop.

    Args:
        name: of the thread.
    """

    def __init__(self, name: str) -> None:
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix=name)

    async def run(
        self, function: Callable[[*Arguments], Result], *arguments: *Arguments
    ) -> Result:
        """Call a function and return what it returns.

        It is queued before this gives way for the first time. When cancelled, a call
        that has begun still ends in its thread.
        """
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._executor, function, *arguments)

    def submit(self, function: Callable[[*Arguments], object], *a: *Arguments) -> None:
        """Have a function called after everything before; nobody waits for it."""
        self._executor.submit(function, *a)

    def close(self) -> None:
        """Take nothing more; what was asked is still done."""
        self._executor.shutdown(wait=False)
