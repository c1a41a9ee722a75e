"""A snapshot every so often: a crash loses what changed since the last.

Source: discovery.md 4.2; checklist 65.
"""

import asyncio

from discovery.stores.keeping import OldSegments
from discovery.stores.saving import SnapshotSaver
from discovery.stores.trouble import Trouble, reason_of

INTERVAL_S_MIN = 0.05
RETRY_S = 30.0


class PeriodicKeeper:
    """Saves snapshots at an interval.

    Args:
        saver: writes them.
        old: a log that was kept before the operator chose snapshots.
        trouble: says what goes wrong.
        interval_s: between two snapshots.
    """

    def __init__(
        self,
        saver: SnapshotSaver,
        old: OldSegments,
        trouble: Trouble,
        interval_s: float,
    ) -> None:
        self._saver = saver
        self._old = old
        self._trouble = trouble
        self._interval_s = max(interval_s, INTERVAL_S_MIN)

    @property
    def problem(self) -> str:
        """What is wrong, for the operator; empty if nothing is."""
        return self._trouble.problem

    def note(self, cluster_id: str, affiliate_id: str) -> None:
        """Nobody waits: the next snapshot will have it."""

    async def open(self) -> None:
        """Replace a log that was kept before, while nothing changes."""
        if self._old:
            await self._try_to_save()

    async def run(self) -> None:
        """Save at every interval, after a failure sooner."""
        while True:
            failing_s = min(self._interval_s, RETRY_S)
            await asyncio.sleep(failing_s if self.problem else self._interval_s)
            await self._try_to_save()

    async def finish(self) -> None:
        """Save once more."""
        await self._save()

    async def _save(self) -> None:
        superfluous = len(self._old)
        await self._saver.save()
        self._old.remove(superfluous)
        self._trouble.ended()

    async def _try_to_save(self) -> None:
        try:
            await self._save()
        except OSError as error:
            problem = f"the snapshot cannot be written: {reason_of(error)}"
            self._trouble.began(problem, retry_s=min(self._interval_s, RETRY_S))
