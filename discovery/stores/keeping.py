"""How what is in memory gets to disk: what both ways have in common."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from discovery.drivers.log_segments import LogSegments
from discovery.stores.restoring import Restored


class Keeper(Protocol):
    """Keeps records on disk."""

    @property
    def problem(self) -> str:
        """What is wrong, for the operator; empty if nothing is."""

    def note(self, cluster_id: str, affiliate_id: str) -> asyncio.Event | None:
        """Note that a record changed, right after it did.

        Returns:
            Set once the change is on disk; None if nobody need wait for that.
        """

    async def open(self) -> None:
        """Get ready; before the first change."""

    async def run(self) -> None:
        """Work until cancelled."""

    async def finish(self) -> None:
        """Leave a snapshot behind; after ``run`` and the last change.

        Raises:
            OSError: the disk refused.
        """


class Forgetting:
    """Keeps nothing: records end with the process."""

    problem = ""

    def note(self, cluster_id: str, affiliate_id: str) -> None:
        """Nothing to do."""

    async def open(self) -> None:
        """Nothing to do."""

    async def run(self) -> None:
        """Nothing to do."""

    async def finish(self) -> None:
        """Nothing to do."""


class OldSegments:
    """Segments of the log that the next snapshot makes superfluous.

    They go oldest first and only after that snapshot is on disk. So what is read at a
    start is always a snapshot and the log from some point before it to the end, and
    reading a change twice does no harm.

    Args:
        segments: of the log.
        restored: which of them were there at the start.
        wall_ns: wall clock, for the name of what is damaged.
    """

    def __init__(
        self, segments: LogSegments, restored: Restored, wall_ns: Callable[[], int]
    ) -> None:
        self._segments = segments
        self._paths = list(restored.segments)
        self._damaged = restored.damaged_segments
        self._wall_ns = wall_ns

    def __len__(self) -> int:
        return len(self._paths)

    def add(self, path: Path) -> None:
        """Note a segment that is not written to any more."""
        self._paths.append(path)

    def remove(self, count: int) -> None:
        """Remove the oldest; what is damaged is kept aside.

        Args:
            count: how many there were before the save began; what came later may say
                more than the snapshot.

        Raises:
            OSError: one cannot be removed; it and all that are newer are still there.
        """
        for _ in range(count):
            if self._paths[0] in self._damaged:
                self._segments.set_aside(self._paths[0], self._wall_ns())
            else:
                self._segments.remove(self._paths[0])
            del self._paths[0]
