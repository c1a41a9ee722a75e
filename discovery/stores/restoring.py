"""What an earlier process left on disk, back in memory before anybody connects.

The snapshot, or the one before if it is damaged, or what can be read of it; then the
log over it. Whatever is damaged is kept beside and never overwritten. Nothing on disk
keeps the service from starting.

Source: discovery.md 4.3; checklist 63, 64, 66, 68.
"""

import logging
from dataclasses import dataclass, field
from pathlib import Path

from discovery.drivers.checksum_file import read_checksums
from discovery.drivers.log_segments import LogSegments
from discovery.drivers.snapshot_file import SnapshotFiles
from discovery.drivers.snapshot_reading import SnapshotReading, read_snapshot
from discovery.metrics.metrics import Metrics, StorageWork
from discovery.state.clusters import Clusters
from discovery.state.limits import NS_PER_S
from discovery.state.log_frames import LogFault, LogRecord, LogTorn, read_log
from discovery.state.revival import Revival
from discovery.state.snapshot import CLUSTERS_READ_MAX
from discovery.stores.clocks import Clocks

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Restored:
    """What was found.

    Attributes:
        ran_before: whether a service was here before.
        cluster_ids: clusters with at least one record that had not run out.
        snapshot_bytes: size of the snapshot that was read; zero if none.
        segments: of the log, oldest first; to be removed once a snapshot is saved.
        damaged_segments: those of them that are to be kept aside instead.
    """

    ran_before: bool = False
    cluster_ids: frozenset[str] = frozenset()
    snapshot_bytes: int = 0
    segments: list[Path] = field(default_factory=list)
    damaged_segments: set[Path] = field(default_factory=set)


class Restorer:
    """Reads everything once, at the start.

    Args:
        files: of the snapshot.
        segments: of the log.
        clusters: empty; filled.
        clocks: to tell how long ago it was written.
        grace_s: how long a record lives at least, if it was alive when written.
    """

    def __init__(
        self,
        files: SnapshotFiles,
        segments: LogSegments,
        clusters: Clusters,
        clocks: Clocks,
        grace_s: float,
    ) -> None:
        self._files = files
        self._segments = segments
        self._clusters = clusters
        self._clocks = clocks
        self._grace_ns = round(grace_s * NS_PER_S)

    def restore(self, metrics: Metrics, clusters_max: int) -> Restored:
        """Fill the clusters; never fails, says what it could not read.

        Args:
            metrics: counts one load.
            clusters_max: how many clusters are believed at least.
        """
        began_ns = self._clocks.monotonic_ns()
        restored = Restored(ran_before=self._files.exist())
        reading = self._read_snapshots(max(clusters_max, CLUSTERS_READ_MAX))
        if reading is not None:
            restored.snapshot_bytes = reading.size_bytes
            for cluster in reading.clusters:
                for affiliate in cluster.affiliates:
                    self._clusters.put(cluster.id, affiliate)
        self._replay(restored)
        took_s = (self._clocks.monotonic_ns() - began_ns) / NS_PER_S
        self._tell(reading, restored, metrics, took_s)
        restored.cluster_ids = self._alive()
        return restored

    def _read_snapshots(self, clusters_max: int) -> SnapshotReading | None:
        """Return the best there is: whole, or the previous one, or half."""
        current = self._read(self._files.path, clusters_max)
        if current is not None and current.is_whole:
            return current
        previous = self._read(self._files.previous, clusters_max)
        for reading in (current, previous):
            if reading is not None and not reading.is_whole:
                self._set_aside(reading.path, reading.problem)
        if previous is not None and previous.is_whole:
            log.warning(
                "the previous snapshot is used instead",
                extra={"fields": {"path": str(self._files.previous)}},
            )
            return previous
        return current or previous

    def _read(self, path: Path, clusters_max: int) -> SnapshotReading | None:
        try:
            checksums = read_checksums(self._files.checksums)
            return read_snapshot(path, checksums, self._revive, clusters_max)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            self._set_aside(path, error.strerror or str(error))
            return None

    def _set_aside(self, path: Path, problem: str) -> None:
        fields = {"path": str(path), "problem": problem}
        try:
            fields["kept_as"] = str(self._files.set_aside(path, self._clocks.wall_ns()))
        except OSError as error:
            fields["not_renamed"] = error.strerror or str(error)
        fields["what_to_do"] = (
            "see 'kubespan-discovery snapshot check' on that file; if it was put there "
            f"on purpose, stop the service, remove {self._files.checksums.name} and "
            "put it there again"
        )
        log.error("a snapshot was refused", extra={"fields": fields})

    def _replay(self, restored: Restored) -> None:
        try:
            restored.segments = self._segments.list()
        except OSError as error:
            log.warning("the log cannot be read: %s", error)
        restored.ran_before = restored.ran_before or bool(restored.segments)
        for path in restored.segments:
            try:
                self._replay_segment(path)
            except LogTorn as torn:
                fields = {"path": str(path), "offset": torn.offset}
                log.info("the log ends in a torn frame", extra={"fields": fields})
            except (LogFault, OSError) as fault:
                restored.damaged_segments.add(path)
                fields = {"path": str(path), "problem": str(fault)}
                log.error(  # noqa: TRY400 - the operator's matter, no bug of ours
                    "a log is damaged; what stands before is used",
                    extra={"fields": fields},
                )

    def _replay_segment(self, path: Path) -> None:
        with path.open("rb") as file:
            for record in read_log(file.read, self._revive):
                self._apply(record)

    def _apply(self, record: LogRecord) -> None:
        if record.affiliate is None:
            self._clusters.delete(record.cluster_id, record.affiliate_id)
        else:
            self._clusters.put(record.cluster_id, record.affiliate)

    def _revive(self, written_at_ns: int) -> Revival:
        return Revival.after(
            written_at_ns,
            wall_ns=self._clocks.wall_ns(),
            now_ns=self._clocks.monotonic_ns(),
            grace_ns=self._grace_ns,
        )

    def _alive(self) -> frozenset[str]:
        now_ns = self._clocks.monotonic_ns()
        return frozenset(
            cluster_id
            for cluster_id in self._clusters.cluster_ids
            if any(
                affiliate.expires_ns > now_ns
                for affiliate in self._clusters.affiliates(cluster_id)
            )
        )

    def _tell(
        self,
        reading: SnapshotReading | None,
        restored: Restored,
        metrics: Metrics,
        took_s: float,
    ) -> None:
        whole = reading is not None and reading.is_whole
        ok = whole and reading is not None and reading.path == self._files.path
        counts = self._clusters.count()
        work = StorageWork(restored.snapshot_bytes, counts, took_s) if ok else None
        metrics.operated_storage("load", ok=ok, work=work)
        if not restored.ran_before:
            fields: dict[str, object] = {"path": str(self._files.path)}
            log.info("no snapshot yet", extra={"fields": fields})
            return
        fields = {
            "clusters": counts.clusters,
            "affiliates": counts.affiliates,
            "endpoints": counts.endpoints,
            "seconds": round(took_s, 3),
        }
        if reading is not None and reading.unreadable:
            fields["left_out"] = reading.unreadable
        log.info("restored", extra={"fields": fields})
