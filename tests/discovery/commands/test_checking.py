import io
import os
from pathlib import Path

import pytest

from discovery.commands.checking import check_snapshot
from discovery.drivers.log_segments import LogSegments
from discovery.drivers.snapshot_file import SnapshotFiles, SnapshotWriter
from discovery.state.log_frames import LogRecord, encode_record
from tests.discovery.records import EXAMPLE, NOW_NS, WALL_NS, a_snapshot


@pytest.fixture
def files(tmp_path: Path) -> SnapshotFiles:
    files = SnapshotFiles(tmp_path / "state.binpb")
    for content in (a_snapshot("c1", "c2"), EXAMPLE):
        writer = SnapshotWriter(files)
        writer.open()
        writer.write(content)
        writer.commit(WALL_NS)
    return files


def check(files: SnapshotFiles) -> tuple[int, str]:
    out = io.StringIO()
    return check_snapshot(files.path, out), out.getvalue()


def test_whole_file_is_told_with_its_numbers(files: SnapshotFiles) -> None:
    status, said = check(files)

    assert status == 0
    assert said == (
        f"{files.path}: whole\n"
        "  checksum fits\n"
        "  written 2023-11-14T22:13:20+00:00, 35 bytes\n"
        "  2 clusters, 1 affiliates, 1 endpoints\n"
    )


def test_file_of_the_official_service_is_good(files: SnapshotFiles) -> None:
    files.checksums.unlink()

    status, said = check(files)

    assert status == 0
    assert "official" in said


def test_damage_is_told_with_its_place_and_what_will_be_used(
    files: SnapshotFiles,
) -> None:
    files.path.write_bytes(EXAMPLE[:-1])

    status, said = check(files)

    assert status == 1
    assert "DAMAGED: byte 26: a cluster is cut short" in said
    assert "readable before the damage: 1 clusters" in said
    assert f"the previous one, {files.previous}, is whole" in said
    assert "what to do" in said


def test_damage_without_a_previous_one(files: SnapshotFiles) -> None:
    files.path.write_bytes(EXAMPLE[:-1])
    files.previous.unlink()

    status, said = check(files)

    assert status == 1
    assert "uses what is readable" in said


def test_file_put_there_by_hand_can_be_made_good(files: SnapshotFiles) -> None:
    files.path.write_bytes(a_snapshot("c9"))

    status, said = check(files)

    assert status == 1
    assert f"remove {files.checksums}" in said


def test_log_is_checked_too(files: SnapshotFiles) -> None:
    segment = LogSegments(files.path).begin()
    for number in range(3):
        record = LogRecord("c", f"af{number}", None)
        segment.append(encode_record(record, NOW_NS, WALL_NS))
    segment.close()
    whole = check(files)
    os.truncate(segment.path, segment.size_bytes - 1)
    torn = check(files)
    content = bytearray(segment.path.read_bytes())
    content[12] ^= 1
    segment.path.write_bytes(content)
    damaged = check(files)

    assert whole[0] == torn[0] == 0
    assert "log.1: whole, 3 changes" in whole[1]
    assert "torn end" in torn[1]
    assert damaged[0] == 1
    assert "log.1: DAMAGED: byte 8" in damaged[1]


def test_log_without_a_snapshot_is_good(tmp_path: Path) -> None:
    files = SnapshotFiles(tmp_path / "state.binpb")
    LogSegments(files.path).begin().close()

    status, said = check(files)

    assert status == 0
    assert "none yet" in said


def test_ids_that_are_no_text_are_counted(files: SnapshotFiles) -> None:
    files.checksums.unlink()
    files.path.write_bytes(b"\x0a\x08\x0a\x01c\x12\x03\x0a\x01\xff")

    status, said = check(files)

    assert status == 0
    assert "1 affiliates are left out" in said
