"""Everybody who watches one cluster.

A change is written into one journal, whatever the number of watches. Now and then all
watches are woken; those that stand at the same version are given the very same bytes.
Each is served by its own call, at its own pace, and writers wait for nobody.
"""

import asyncio

from discovery.metrics.metrics import Metrics
from discovery.service.pace import Pace
from discovery.service.timer import Timer
from discovery.service.watch_messages import encode_changes, encode_snapshot
from discovery.state.affiliate import Affiliate
from discovery.state.cluster import Change
from discovery.state.journal import Journal

Messages = tuple[bytes, ...]

# Larger than any record, small against what a connection buffers.
MESSAGE_BYTES_MAX = 256 * 1024
# A herd of watches opens within about a second; what it shares is kept no longer.
SNAPSHOT_KEPT_S = 1.0
# Watches that sleep stand anywhere; only where many stand is it worth keeping bytes.
PORTIONS_KEPT = 8


class Watch:
    """One open watch.

    Args:
        audience: of the cluster it watches.
    """

    __slots__ = ("_audience", "_closed", "_waiter", "version")

    def __init__(self, audience: "Audience") -> None:
        self._audience = audience
        self._closed = False
        self._waiter: asyncio.Future[None] | None = None
        self.version = -1  # of the journal, which it has read so far; -1: not begun

    def begin(self, affiliates: tuple[Affiliate, ...]) -> Messages:
        """Return the snapshot and its continuation, and hear of every change since.

        Args:
            affiliates: of the cluster, as it is right now.

        Returns:
            Nothing if the watch is to end.
        """
        if self._closed:
            return ()
        self.version = self._audience.version
        return self._audience.snapshot(affiliates)

    async def next_messages(self) -> Messages | None:
        """Wait for the next ``WatchResponse``; None once the watch is to end.

        Returns:
            Messages of 256 KiB at most together, unless one record needs more.
        """
        while not self._closed:
            if messages := self._audience.read(self):
                return messages
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter
        return None

    def wake(self) -> None:
        """Make it look for changes."""
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def close(self) -> None:
        """End it: no further message."""
        self._closed = True
        self.wake()


class Audience:
    """The watches of one cluster, what changed, and when they are told.

    Args:
        pace: how long changes wait for each other.
        timer: tells the time and when it has come.
        metrics: counts what is told.
    """

    def __init__(self, pace: Pace, timer: Timer, metrics: Metrics) -> None:
        self._pace, self._timer, self._metrics = pace, timer, metrics
        self._watches: dict[Watch, None] = {}
        self._journal = Journal()
        self._changed_s: float | None = None  # first change that was not told yet
        self._told_s = float("-inf")
        self._told_version = 0
        self._behind = 0  # watches that have not read up to there
        self._portion_by_version: dict[int, tuple[Messages, int]] = {}
        self._snapshot: tuple[int, Messages] | None = None

    def __len__(self) -> int:
        return len(self._watches)

    @property
    def watches(self) -> tuple[Watch, ...]:
        """Every open watch."""
        return tuple(self._watches)

    @property
    def version(self) -> int:
        """Of the last change."""
        return self._journal.version

    def join(self) -> Watch:
        """Open a watch."""
        watch = Watch(self)
        self._watches[watch] = None
        return watch

    def leave(self, watch: Watch) -> None:
        """Forget a watch."""
        del self._watches[watch]
        if 0 <= watch.version < self._told_version:
            self._caught_up()

    def announce(self, change: Change) -> None:
        """Write down a change, to be told soon. Cost: O(1)."""
        self._journal.add(change)
        self._portion_by_version.clear()
        self._snapshot = None
        if self._changed_s is not None:
            return
        now_s = self._changed_s = self._timer.now_s()
        due_s = self._pace.due_s(now_s, self._told_s, len(self))
        if due_s <= now_s:
            self._tell()
        else:
            self._timer.call_later(due_s - now_s, self._tell)

    def read(self, watch: Watch) -> Messages:
        """Return what a watch is to be told now; it is then taken as told.

        One that is as far as all were told gets nothing until they are told more; one
        that is behind gets everything there is.
        """
        if watch.version >= self._told_version:
            return ()
        portion = self._portion_by_version.get(watch.version)
        if portion is None:
            portion = self._encode_portion(watch.version)
        messages, watch.version = portion
        if watch.version >= self._told_version:
            self._caught_up()
        return messages or self.read(watch)

    def snapshot(self, affiliates: tuple[Affiliate, ...]) -> Messages:
        """Encode the first messages of a watch, once for a herd."""
        if self._snapshot is None:
            self._snapshot = (self.version, encode_snapshot(affiliates))
            self._timer.call_later(SNAPSHOT_KEPT_S, self._forget_snapshot)
        return self._snapshot[1]

    def close(self) -> None:
        """End every watch."""
        for watch in self._watches:
            watch.close()

    def _tell(self) -> None:
        now_s = self._timer.now_s()
        changed = self._journal.count_since(self._told_version)
        self._metrics.fanned_out(changed, now_s - (self._changed_s or now_s))
        self._changed_s, self._told_s = None, now_s
        self._told_version = self.version
        begun = [watch for watch in self._watches if watch.version >= 0]
        self._behind = sum(watch.version < self.version for watch in begun)
        self._forget_read(begun)
        for watch in begun:
            watch.wake()

    def _forget_read(self, begun: list[Watch]) -> None:
        positions = sorted({watch.version for watch in begun})
        self._journal.drop_read(positions[0] if positions else self.version)
        if self._journal.is_crowded:
            self._journal.drop_unneeded(positions)

    def _caught_up(self) -> None:
        self._behind -= 1
        if not self._behind:
            self._journal.drop_read(self._told_version)
            self._portion_by_version.clear()

    def _encode_portion(self, version: int) -> tuple[Messages, int]:
        read = self._journal.read(version, MESSAGE_BYTES_MAX)
        if len(self._portion_by_version) >= PORTIONS_KEPT:
            self._portion_by_version.clear()
        portion = (encode_changes(read.changes), read.version)
        self._portion_by_version[version] = portion
        return portion

    def _forget_snapshot(self) -> None:
        self._snapshot = None
