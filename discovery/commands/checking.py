"""Says whether the files of a service are whole, and what to do if they are not."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

from discovery.drivers.checksum_file import read_checksums
from discovery.drivers.log_segments import LogSegments
from discovery.drivers.snapshot_file import SnapshotFiles
from discovery.drivers.snapshot_reading import (
    Checksum,
    SnapshotReading,
    read_snapshot,
)
from discovery.state.limits import NS_PER_S
from discovery.state.log_frames import LogFault, LogTorn, read_log
from discovery.state.revival import Revival

_CHECKSUMS = {
    Checksum.FITS: "checksum fits",
    Checksum.DIFFERS: "checksum differs",
    Checksum.ABSENT: "no checksum beside it, as for files of the official service",
}


def check_snapshot(path: Path, out: TextIO) -> int:
    """Write what is known of a snapshot and the files beside it.

    Returns:
        0 if the snapshot and its log are whole, else 1.

    Raises:
        OSError: the snapshot is not there or cannot be read.
    """
    segments = LogSegments(path).list()
    if segments and not path.exists():
        out.write(f"{path}: none yet; all there is stands in the log\n")
        whole = True
    else:
        whole = _check_file(SnapshotFiles(path), out)
    segments_are_whole = [_check_segment(segment, out) for segment in segments]
    return 0 if whole and all(segments_are_whole) else 1


def _check_file(files: SnapshotFiles, out: TextIO) -> bool:
    reading = _read(files.path, files)
    out.writelines(_report(reading))
    if not reading.is_whole:
        out.writelines(_advice(reading, files))
    return reading.is_whole


def _read(path: Path, files: SnapshotFiles) -> SnapshotReading:
    return read_snapshot(path, read_checksums(files.checksums), Revival.as_written)


def _report(reading: SnapshotReading) -> Iterator[str]:
    verdict = "whole" if reading.is_whole else f"DAMAGED: {reading.problem}"
    yield f"{reading.path}: {verdict}\n"
    yield f"  {_CHECKSUMS[reading.checksum]}\n"
    yield f"  written {_instant(reading.written_at_ns)}, {reading.size_bytes} bytes\n"
    counts = reading.count()
    readable = "readable before the damage: " if reading.fault else ""
    yield (
        f"  {readable}{counts.clusters} clusters, {counts.affiliates} affiliates, "
        f"{counts.endpoints} endpoints\n"
    )
    if reading.unreadable:
        yield f"  {reading.unreadable} affiliates are left out: their ID is no text\n"


def _advice(reading: SnapshotReading, files: SnapshotFiles) -> Iterator[str]:
    if reading.path != files.path or not files.previous.exists():
        yield (
            "  what to do: nothing; a service that starts keeps this file aside, uses "
            "what is readable, and nodes publish again within minutes\n"
        )
    else:
        previous = _read(files.previous, files)
        state = "whole" if previous.is_whole else f"damaged: {previous.problem}"
        yield (
            f"  the previous one, {files.previous}, is {state}, "
            f"written {_instant(previous.written_at_ns)}\n"
            "  what to do: nothing; a service that starts keeps this file aside and "
            f"uses {'that one' if previous.is_whole else 'what is readable'}\n"
        )
    if reading.checksum is Checksum.DIFFERS and not reading.fault:
        yield (
            "  if it was put there on purpose: remove "
            f"{files.checksums} before the service starts\n"
        )


def _check_segment(path: Path, out: TextIO) -> bool:
    """Tell whether a segment of the log is whole; a torn end is what crashes leave."""
    changes = 0
    verdict, whole = "whole", True
    try:
        with path.open("rb") as file:
            for _ in read_log(file.read, Revival.as_written):
                changes += 1
    except LogTorn:
        verdict = "whole but for a torn end, which no client was promised"
    except LogFault as fault:
        verdict, whole = f"DAMAGED: {fault}", False
    out.write(f"{path}: {verdict}, {changes} changes\n")
    return whole


def _instant(wall_ns: int) -> str:
    return datetime.fromtimestamp(wall_ns // NS_PER_S, UTC).isoformat()
