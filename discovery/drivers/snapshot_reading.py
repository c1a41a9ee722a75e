"""Reads a snapshot file and says how much of it can be believed.

Source: discovery.md 4.3; checklist 62-66.
"""

import enum
import hashlib
import os
import stat
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from discovery.state.clusters import Counts
from discovery.state.revival import Revival
from discovery.state.snapshot import (
    CLUSTERS_READ_MAX,
    SnapshotFault,
    StoredCluster,
    read_clusters,
)


class Checksum(enum.Enum):
    """What the file of checksums says."""

    FITS = "fits"
    DIFFERS = "differs"
    ABSENT = "absent"  # as for files of the official service


@dataclass(slots=True)
class SnapshotReading:
    """What was in a file.

    Attributes:
        path: the file.
        size_bytes: of it.
        written_at_ns: wall clock, time of the file.
        checksum: whether it is what was written.
        clusters: in order, up to the fault if there is one.
        fault: what is wrong with its structure, and where; empty: nothing.
    """

    path: Path
    size_bytes: int
    written_at_ns: int
    checksum: Checksum
    clusters: list[StoredCluster] = field(default_factory=list)
    fault: str = ""

    @property
    def is_whole(self) -> bool:
        """Whether it is what was written, as far as one can tell."""
        return not self.fault and self.checksum is not Checksum.DIFFERS

    @property
    def problem(self) -> str:
        """What is wrong, in one line; empty if nothing is."""
        damaged = [self.fault] if self.fault else []
        if self.checksum is Checksum.DIFFERS:
            damaged.append("it is not the file its checksum was made for")
        return "; ".join(damaged)

    @property
    def unreadable(self) -> int:
        """Affiliates left out because their ID is no text."""
        return sum(cluster.unreadable for cluster in self.clusters)

    def count(self) -> Counts:
        """Count what was read."""
        affiliates = [a for cluster in self.clusters for a in cluster.affiliates]
        endpoints = sum(len(a.endpoints) for a in affiliates)
        return Counts(len(self.clusters), len(affiliates), endpoints)


def read_snapshot(
    path: Path,
    checksum_by_name: Mapping[str, str],
    revive: Callable[[int], Revival],
    clusters_max: int = CLUSTERS_READ_MAX,
) -> SnapshotReading:
    """Read a file as far as it can be read.

    Args:
        path: the file.
        checksum_by_name: what it may be; a checksum under another name counts too,
            because a crash may leave a file without the name it was to have.
        revive: from the time of the file to what becomes of lifetimes.
        clusters_max: how many there may be.

    Raises:
        OSError: no such file, or the host does not give it.
    """
    # Non-blocking, so that a pipe put there cannot hang the service.
    file = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    with os.fdopen(file, "rb") as opened:
        status = os.fstat(opened.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise OSError(f"{path} is not a regular file")
        checksum = Checksum.ABSENT
        if checksum_by_name:
            digest = hashlib.file_digest(opened, "sha256").hexdigest()
            fits = digest in checksum_by_name.values()
            checksum = Checksum.FITS if fits else Checksum.DIFFERS
            opened.seek(0)
        written_at_ns = status.st_mtime_ns
        reading = SnapshotReading(path, status.st_size, written_at_ns, checksum)
        found = read_clusters(opened.read, revive(written_at_ns), clusters_max)
        try:
            for cluster in found:
                reading.clusters.append(cluster)
        except SnapshotFault as fault:
            reading.fault = str(fault)
    return reading
