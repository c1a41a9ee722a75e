"""Cuts off whoever takes too long to read one message.

One clock for all: noting that a message is under way costs two changes of a dict,
where a timer for each would cost as much as a tenth of the sending.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from discovery.service.refusal import WatcherStalled
from discovery.state.limits import NS_PER_S

# A watcher is cut off at most so much of the allowed time too late.
LOOKS = 4


class Stalls:
    """Messages that are under way, and since when.

    Args:
        stall_s: how long one message may take.
        now_ns: monotonic clock.
    """

    def __init__(self, stall_s: float, now_ns: Callable[[], int]) -> None:
        self._stall_s = stall_s
        self._now_ns = now_ns
        self._since_ns_by_task: dict[asyncio.Task[Any], int] = {}
        self._cut: set[asyncio.Task[Any]] = set()

    async def bound(self, sending: Awaitable[None]) -> None:
        """Await until a message is sent.

        Raises:
            WatcherStalled: it took too long.
        """
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("not in a task")
        self._since_ns_by_task[task] = self._now_ns()
        try:
            await sending
        except asyncio.CancelledError:
            if task not in self._cut or task.uncancel() > 0:
                raise
            raise WatcherStalled("the watcher does not read") from None
        finally:
            del self._since_ns_by_task[task]
            self._cut.discard(task)

    async def watch_forever(self) -> None:
        """Cut off who stalls; runs beside the calls."""
        while True:
            await asyncio.sleep(self._stall_s / LOOKS)
            self.cut_off()

    def cut_off(self) -> None:
        """Cut off who has stalled. Cost: O(n) in messages under way."""
        late_ns = self._now_ns() - round(self._stall_s * NS_PER_S)
        for task, since_ns in self._since_ns_by_task.items():
            if since_ns <= late_ns and task not in self._cut:
                self._cut.add(task)
                task.cancel()
