import hashlib
import os
from pathlib import Path

import pytest

from discovery.drivers.snapshot_reading import Checksum, SnapshotReading, read_snapshot
from discovery.state.clusters import Counts
from discovery.state.revival import Revival
from tests.discovery.records import AS_WRITTEN, EXAMPLE, WALL_NS, a_snapshot


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state.binpb"


def read(path: Path, *checksums: str) -> SnapshotReading:
    by_name = {str(number): checksum for number, checksum in enumerate(checksums)}
    return read_snapshot(path, by_name, lambda _: AS_WRITTEN)


# checklist 62: a file of the official service has nothing beside it
def test_file_without_checksum_is_believed(path: Path) -> None:
    path.write_bytes(EXAMPLE)

    reading = read(path)

    assert reading.is_whole
    assert reading.checksum is Checksum.ABSENT
    assert reading.count() == Counts(2, 1, 1)
    assert reading.size_bytes == len(EXAMPLE)
    assert reading.problem == ""


def test_file_is_believed_under_any_name_that_is_listed(path: Path) -> None:
    path.write_bytes(EXAMPLE)

    reading = read(path, "00" * 32, hashlib.sha256(EXAMPLE).hexdigest())

    assert reading.checksum is Checksum.FITS


def test_file_that_is_not_listed_is_read_but_not_believed(path: Path) -> None:
    path.write_bytes(EXAMPLE)

    reading = read(path, "00" * 32)

    assert not reading.is_whole
    assert "checksum" in reading.problem
    assert [cluster.id for cluster in reading.clusters] == ["r", "empty"]


# checklist 66
def test_damaged_file_gives_what_stands_before_the_damage(path: Path) -> None:
    path.write_bytes(a_snapshot("c1") + EXAMPLE + b"\x0a")

    reading = read(path)

    assert not reading.is_whole
    assert [cluster.id for cluster in reading.clusters] == ["c1", "r", "empty"]
    assert reading.problem.startswith("byte ")


def test_time_of_the_file_is_when_it_was_written(path: Path) -> None:
    path.write_bytes(EXAMPLE)
    os.utime(path, ns=(WALL_NS, WALL_NS))
    told = []

    def revive(written_at_ns: int) -> Revival:
        told.append(written_at_ns)
        return AS_WRITTEN

    reading = read_snapshot(path, {}, revive)

    assert told == [WALL_NS]
    assert reading.written_at_ns == WALL_NS


def test_what_was_left_out_is_counted(path: Path) -> None:
    path.write_bytes(b"\x0a\x08\x0a\x01c\x12\x03\x0a\x01\xff")

    reading = read(path)

    assert reading.is_whole
    assert reading.unreadable == 1


def test_what_is_no_file_is_an_error(path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read(path)
    os.mkfifo(path)
    with pytest.raises(OSError, match="not a regular file"):
        read(path)
    with pytest.raises(OSError, match=r"not a regular file|directory"):
        read(path.parent)
