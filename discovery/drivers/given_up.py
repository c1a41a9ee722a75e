"""Ends calls that their handler has given up and gRPC has not ended.

What was written to a client that does not read stays in the core of gRPC, and no status
can follow it: without this, for as long as the connection lives, whatever the handler
did. Python has no call to reset a stream. But once the task of ``grpc.aio`` that waits
for the end of the call is gone, nothing holds the call any more (the newest call of a
server excepted), and the core resets it and frees what was written. Tried on grpcio
1.85; if a later one works in another way, nothing is ended here, and the tests say so.
"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Final

from discovery.state.limits import GIVEN_UP_S

# The coroutine of grpc.aio around every handler; who starts it waits for the end.
_HANDLING: Final = "_handle_exceptions"

Waiting = asyncio.Task[Any]


class GivenUp:
    """Calls whose handler has ended, until they have.

    Args:
        now_s: monotonic.
        after_s: how long after its handler a call is ended.
    """

    def __init__(self, now_s: Callable[[], float], after_s: float = GIVEN_UP_S) -> None:
        self._now_s = now_s
        self._after_s = after_s
        self._due_s_by_waiting: dict[Waiting, float] = {}
        self._is_timed = False

    def __len__(self) -> int:
        return len(self._due_s_by_waiting)

    def handler_ended(self, waiting: Waiting) -> None:
        """Note that a handler has; its call is now given its time.

        Args:
            waiting: waits for the end of the call, and keeps it alive.
        """
        if waiting.done():
            return
        self._due_s_by_waiting[waiting] = self._now_s() + self._after_s
        waiting.add_done_callback(self._forget)
        self._look_later()

    def _forget(self, waiting: Waiting) -> None:
        self._due_s_by_waiting.pop(waiting, None)

    def _look_later(self) -> None:
        if not self._is_timed:
            self._is_timed = True
            asyncio.get_running_loop().call_later(self._after_s, self._look)

    def _look(self) -> None:
        now_s = self._now_s()
        for waiting, due_s in self._due_s_by_waiting.items():
            if due_s <= now_s:
                waiting.cancel()
        self._is_timed = False
        if self._due_s_by_waiting:
            self._look_later()


def end_given_up_calls(after_s: float = GIVEN_UP_S) -> GivenUp:
    """Do so from now on, for every gRPC server of the running loop."""
    loop = asyncio.get_running_loop()
    given_up = GivenUp(loop.time, after_s)

    def make_task(
        loop: asyncio.AbstractEventLoop,
        work: Coroutine[Any, Any, Any],
        **options: Any,
    ) -> asyncio.Task[Any]:
        task = asyncio.Task(work, loop=loop, **options)
        waiting = asyncio.current_task(loop)
        if waiting is not None and _is_handling(work):
            task.add_done_callback(lambda _: given_up.handler_ended(waiting))
        return task

    loop.set_task_factory(make_task)  # type: ignore[arg-type] # stubs want futures
    return given_up


def _is_handling(work: object) -> bool:
    return getattr(work, "__qualname__", "").rpartition(".")[2] == _HANDLING
