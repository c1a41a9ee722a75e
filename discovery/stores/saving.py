"""Everything in memory, written as one snapshot while the service goes on.

Source: discovery.md 4.2; checklist 65, 67.
"""

import asyncio
from collections.abc import Iterator

from discovery.drivers.disk_thread import DiskThread
from discovery.drivers.snapshot_file import SnapshotFiles, SnapshotWriter
from discovery.metrics.metrics import Metrics, StorageWork
from discovery.state.affiliate import Affiliate
from discovery.state.clusters import Clusters
from discovery.state.limits import NS_PER_S
from discovery.state.snapshot import encode_snapshot
from discovery.stores.clocks import Clocks

# Written at once; so much waits in memory at most, and one cluster.
CHUNK_BYTES = 1024 * 1024


class SnapshotSaver:
    """Saves snapshots, one at a time.

    Args:
        files: where.
        clusters: what.
        clocks: lifetimes are saved as what is left of them.
        metrics: counts saves.
    """

    def __init__(
        self, files: SnapshotFiles, clusters: Clusters, clocks: Clocks, metrics: Metrics
    ) -> None:
        self._files = files
        self._clusters = clusters
        self._clocks = clocks
        self._metrics = metrics
        self._disk = DiskThread("snapshot")

    async def save(self) -> int:
        """Replace the snapshot; return its size in bytes.

        Each record is in it as it was at some instant of the save. Calls are served
        meanwhile: no step on the loop takes more than some milliseconds.

        Raises:
            OSError: the disk refused; the old snapshot is still there.
        """
        began_ns = self._clocks.monotonic_ns()
        counts = self._clusters.count()
        try:
            size_bytes = await self._write(began_ns)
        except BaseException:
            self._metrics.operated_storage("save", ok=False)
            raise
        took_s = (self._clocks.monotonic_ns() - began_ns) / NS_PER_S
        work = StorageWork(size_bytes, counts, took_s)
        self._metrics.operated_storage("save", ok=True, work=work)
        return size_bytes

    def close(self) -> None:
        """Save no more."""
        self._disk.close()

    async def _write(self, now_ns: int) -> int:
        saved_at_ns = self._clocks.wall_ns()
        writer = SnapshotWriter(self._files)
        try:
            await self._disk.run(writer.open)
            buffer = bytearray()
            for part in encode_snapshot(self._contents(), now_ns):
                buffer += part
                if len(buffer) >= CHUNK_BYTES:
                    await self._disk.run(writer.write, bytes(buffer))
                    buffer.clear()
                elif not part:
                    await asyncio.sleep(0)
            await self._disk.run(writer.write, bytes(buffer))
            await self._disk.run(writer.commit, saved_at_ns)
        finally:
            self._disk.submit(writer.discard)
        return writer.size_bytes

    def _contents(self) -> Iterator[tuple[str, tuple[Affiliate, ...]]]:
        for cluster_id in self._clusters.cluster_ids:
            yield cluster_id, self._clusters.affiliates(cluster_id)
