"""Every change is on disk before it is acknowledged: an append log over the snapshot.

Changes that come while the disk is busy are written together and forced to disk once.
When the log has grown, a new segment is begun, a snapshot written, and the segments
before are removed. The same mends a log that could not be written: until it worked,
the service goes on from memory, and says so.
"""

import asyncio

from discovery.drivers.disk_thread import DiskThread
from discovery.drivers.log_segments import LogSegment, LogSegments
from discovery.state.clusters import Clusters
from discovery.state.limits import NS_PER_S
from discovery.state.log_frames import FRAME_BYTES_MAX, LogRecord, encode_record
from discovery.stores.clocks import Clocks
from discovery.stores.keeping import OldSegments
from discovery.stores.saving import SnapshotSaver
from discovery.stores.trouble import Trouble, reason_of

SEGMENT_BYTES_MIN = 8 * 1024 * 1024
SEGMENT_PER_SNAPSHOT = 2
PAYLOAD_BYTES = FRAME_BYTES_MAX // 4
RETRY_S = 3.0
SLOW_S = 5.0


class _Batch:
    """Changes that will be on disk together; of each record the newest."""

    def __init__(self) -> None:
        self.record_by_key: dict[tuple[str, str], bytes] = {}
        self.on_disk = asyncio.Event()

    def payloads(self) -> list[bytes]:
        """Return what goes into the log, cut where a frame would be too large."""
        payloads = [bytearray()]
        for record in self.record_by_key.values():
            if len(payloads[-1]) + len(record) > PAYLOAD_BYTES:
                payloads.append(bytearray())
            payloads[-1] += record
        return [bytes(payload) for payload in payloads]


class LogKeeper:
    """Writes changes to the log, and snapshots when it has grown.

    Args:
        segments: of the log.
        old: segments there were at the start.
        saver: writes snapshots.
        clusters: where the changes are.
        clocks: lifetimes are written as what is left of them.
        trouble: says what goes wrong.
    """

    def __init__(
        self,
        segments: LogSegments,
        old: OldSegments,
        saver: SnapshotSaver,
        clusters: Clusters,
        clocks: Clocks,
        trouble: Trouble,
    ) -> None:
        self._segments = segments
        self._old = old
        self._saver = saver
        self._clusters = clusters
        self._clocks = clocks
        self._trouble = trouble
        self._disk = DiskThread("log")
        self._segment: LogSegment | None = None
        self._snapshot_bytes = 0
        self._batch = _Batch()
        self._asked_ns: int | None = None  # since when the disk has not answered
        self._noted = asyncio.Event()
        self._compaction_due = asyncio.Event()

    @property
    def problem(self) -> str:
        """What is wrong, for the operator; empty if nothing is."""
        now_ns = self._clocks.monotonic_ns()
        silent_s = (now_ns - (self._asked_ns or now_ns)) / NS_PER_S
        if silent_s > SLOW_S:
            return f"the disk has not answered for {silent_s:.0f} s"
        return self._trouble.problem

    def note(self, cluster_id: str, affiliate_id: str) -> asyncio.Event | None:
        """Put the record as it is now into the next batch.

        Returns:
            Set once it is on disk; None while there is no log that could be written,
            and the next snapshot will have it.
        """
        if self._segment is None:
            return None
        affiliate = self._clusters.get(cluster_id, affiliate_id)
        record = LogRecord(cluster_id, affiliate_id, affiliate)
        encoded = encode_record(
            record, self._clocks.monotonic_ns(), self._clocks.wall_ns()
        )
        self._batch.record_by_key[cluster_id, affiliate_id] = encoded
        self._noted.set()
        return self._batch.on_disk

    async def open(self) -> None:
        """Begin a segment; what was there before is compacted as soon as ``run``."""
        if self._old:
            self._compaction_due.set()
        try:
            await self._begin_segment()
        except OSError as error:
            self._fail(error)

    async def run(self) -> None:
        """Commit and compact until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._commit_forever(), name="log")
            group.create_task(self._compact_forever(), name="compaction")

    async def finish(self) -> None:
        """Write down what waits, then a snapshot in place of the log."""
        try:
            await self._commit()
            self._retire_segment()
            await self._replace_old_segments()
        finally:
            self._disk.close()

    async def _commit_forever(self) -> None:
        while True:
            await self._noted.wait()
            await self._commit()

    async def _commit(self) -> None:
        """Write one batch and tell those who wait for it.

        Also when the disk refused it: then it is only in memory, the operator is told,
        and the next snapshot will have it.
        """
        batch, self._batch = self._batch, _Batch()
        self._noted.clear()
        if self._segment is not None and batch.record_by_key:
            self._asked_ns = self._clocks.monotonic_ns()
            try:
                await self._disk.run(_append_all, self._segment, batch.payloads())
            except OSError as error:
                self._fail(error)
            finally:
                self._asked_ns = None
        batch.on_disk.set()
        if self._segment is not None and self._segment.size_bytes > self._bytes_max:
            self._compaction_due.set()

    @property
    def _bytes_max(self) -> int:
        return max(SEGMENT_BYTES_MIN, SEGMENT_PER_SNAPSHOT * self._snapshot_bytes)

    async def _compact_forever(self) -> None:
        while True:
            await self._compaction_due.wait()
            self._compaction_due.clear()
            try:
                await self._compact()
            except OSError as error:
                self._fail(error, keep_segment=True)
                await asyncio.sleep(RETRY_S)

    async def _compact(self) -> None:
        """Put a snapshot in the place of the log so far.

        The new segment is begun first: what changes from then on is in it, and the
        snapshot has everything before.
        """
        if self._segment is None or not self._old:
            await self._begin_segment()
        await self._replace_old_segments()
        if self._segment is not None:
            self._trouble.ended()

    async def _replace_old_segments(self) -> None:
        superfluous = len(self._old)
        self._snapshot_bytes = await self._saver.save()
        await self._disk.run(self._old.remove, superfluous)

    async def _begin_segment(self) -> None:
        segment = await self._disk.run(self._segments.begin)
        self._retire_segment()
        self._segment = segment

    def _retire_segment(self) -> None:
        if self._segment is not None:
            self._old.add(self._segment.path)
            self._disk.submit(self._segment.close)
            self._segment = None

    def _fail(self, error: OSError, *, keep_segment: bool = False) -> None:
        if not keep_segment:
            self._retire_segment()
        failing = "the log cannot be compacted"
        if self._segment is None:
            failing = "updates are kept in memory only, the log cannot be written"
        self._trouble.began(f"{failing}: {reason_of(error)}", retry_s=RETRY_S)
        self._compaction_due.set()


def _append_all(segment: LogSegment, payloads: list[bytes]) -> None:
    for payload in payloads:
        segment.append(payload)
