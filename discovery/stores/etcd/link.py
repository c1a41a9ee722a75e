"""Whether etcd can be relied on at the moment, and what is wrong if not."""

import asyncio
import logging
from collections.abc import Callable
from typing import Final

log = logging.getLogger(__name__)

REMIND_NS: Final = 30_000_000_000
REMIND_WAITING_NS: Final = 10_000_000_000
WAITING: Final = (
    "waiting for etcd: start it, or correct --etcd-endpoints and the TLS files"
)
STEADY_NS: Final = 5_000_000_000


class Link:
    """The state of the connection, set by the follower and read by all others.

    Args:
        now_ns: monotonic clock.
        grace_ns: how long after an outage nothing may be removed.

    Attributes:
        problem: why it is down, or why nothing can be written; empty if all is well.
    """

    def __init__(self, now_ns: Callable[[], int], grace_ns: int) -> None:
        self.problem = "not connected yet"
        self._now_ns = now_ns
        self._grace_ns = grace_ns
        self._up = asyncio.Event()
        self._doubted = asyncio.Event()
        self._may_remove_ns = 0
        self._up_since_ns = 0
        self._doubt_again_ns = 0
        self._reminded_ns: int | None = None
        self._was_up = False

    @property
    def is_up(self) -> bool:
        """Whether changes are heard as they happen."""
        return self._up.is_set()

    @property
    def is_steady(self) -> bool:
        """Whether it has been so for a while."""
        return self.is_up and self._now_ns() - self._up_since_ns >= STEADY_NS

    @property
    def may_remove(self) -> bool:
        """Whether what seems to have run out really has.

        After an outage others may still know of longer lives, so they get time to say.
        """
        return self.is_up and self._now_ns() >= self._may_remove_ns

    def rise(self) -> None:
        """Say that changes are heard again."""
        self._up_since_ns = self._now_ns()
        if self._was_up:
            self._may_remove_ns = self._now_ns() + self._grace_ns
        if self._reminded_ns is not None:
            log.info("etcd: connected", extra={"fields": {}})
        self._was_up = True
        self._reminded_ns = None
        self.problem = ""
        self._doubted.clear()
        self._up.set()

    def fall(self, problem: str) -> None:
        """Say that nothing is heard, and why; logged at once and then now and then."""
        self.problem = problem
        self._up.clear()
        now_ns = self._now_ns()
        remind_ns = REMIND_NS if self._was_up else REMIND_WAITING_NS
        if self._reminded_ns is None or now_ns - self._reminded_ns >= remind_ns:
            self._reminded_ns = now_ns
            said = "etcd: not connected" if self._was_up else WAITING
            log.warning(said, extra={"fields": {"problem": problem}})

    def doubt(self, problem: str) -> None:
        """Say that a write failed, so that somebody looks whether etcd is well."""
        if self.is_up and not self.problem:
            self._log_doubt(problem)
            self.problem = problem
        self._doubted.set()

    def _log_doubt(self, problem: str) -> None:
        now_ns = self._now_ns()
        if now_ns >= self._doubt_again_ns:
            self._doubt_again_ns = now_ns + REMIND_NS
            log.warning("etcd: a write failed", extra={"fields": {"problem": problem}})

    def trust(self) -> None:
        """Say that a write was done."""
        if self.is_up:
            self.problem = ""

    async def wait_up(self) -> None:
        """Wait until changes are heard."""
        await self._up.wait()

    async def wait_doubted(self, timeout_s: float) -> None:
        """Wait until somebody doubts, but no longer."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._doubted.wait()
        except TimeoutError:
            return
        finally:
            self._doubted.clear()
