import errno
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from discovery.drivers import snapshot_file
from discovery.drivers.checksum_file import read_checksums
from discovery.drivers.snapshot_file import SnapshotFiles, SnapshotWriter, checksum_of
from discovery.drivers.snapshot_reading import read_snapshot
from tests.discovery.records import AS_WRITTEN, WALL_NS, a_snapshot


@pytest.fixture
def files(tmp_path: Path) -> SnapshotFiles:
    return SnapshotFiles(tmp_path / "made" / "state.binpb")


def save(files: SnapshotFiles, content: bytes) -> None:
    writer = SnapshotWriter(files)
    writer.open()
    try:
        writer.write(content[:10])
        writer.write(content[10:])
        writer.commit(WALL_NS)
    finally:
        writer.discard()
    assert writer.size_bytes == len(content)


def names(files: SnapshotFiles) -> list[str]:
    return sorted(path.name for path in files.path.parent.iterdir())


# checklist 65
def test_saved_file_is_whole_and_for_its_owner_alone(files: SnapshotFiles) -> None:
    save(files, b"first" * 10)

    assert files.path.read_bytes() == b"first" * 10
    assert files.path.stat().st_mtime_ns == WALL_NS
    assert stat.S_IMODE(files.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(files.checksums.stat().st_mode) == 0o600
    assert names(files) == ["state.binpb", "state.binpb.sha256"]


def test_save_that_is_done_leaves_the_next_alone(files: SnapshotFiles) -> None:
    # its thread may come to the end only when another service has begun
    first, second = SnapshotWriter(files), SnapshotWriter(files)
    first.open()
    first.commit(WALL_NS)
    second.open()

    first.discard()
    second.write(b"second")
    second.commit(WALL_NS)

    assert files.path.read_bytes() == b"second"


def test_one_before_is_kept_and_both_can_be_checked(files: SnapshotFiles) -> None:
    for number in range(3):
        save(files, b"content %d" % number)

    checked = subprocess.run(
        ["sha256sum", "--check", "--strict", files.checksums.name],
        cwd=files.path.parent,
        capture_output=True,
        check=False,
    )

    assert files.path.read_bytes() == b"content 2"
    assert files.previous.read_bytes() == b"content 1"
    assert checked.stdout == b"state.binpb: OK\nstate.binpb.previous: OK\n"
    assert names(files) == [
        "state.binpb",
        "state.binpb.previous",
        "state.binpb.sha256",
    ]


# checklist 67
def test_empty_state_replaces_what_was_there(files: SnapshotFiles) -> None:
    save(files, b"content")
    save(files, b"")

    assert files.path.read_bytes() == b""
    assert files.previous.read_bytes() == b"content"


def test_file_of_the_official_service_becomes_the_previous_one(
    files: SnapshotFiles,
) -> None:
    files.path.parent.mkdir()
    files.path.write_bytes(b"official")

    save(files, b"ours")

    assert files.previous.read_bytes() == b"official"
    checksums = read_checksums(files.checksums)
    assert checksums["state.binpb.previous"] == checksum_of(files.previous)


def test_file_that_rotted_is_not_blessed(files: SnapshotFiles) -> None:
    save(files, b"content")
    files.path.write_bytes(b"c0ntent")

    save(files, b"new")

    assert list(read_checksums(files.checksums)) == ["state.binpb"]


def test_leftovers_of_a_crash_are_replaced(files: SnapshotFiles) -> None:
    files.path.parent.mkdir()
    for leftover in (files.temporary, files.path.with_name("state.binpb.sha256.tmp")):
        leftover.write_bytes(b"half")
        leftover.chmod(0o666)

    save(files, b"content")

    assert names(files) == ["state.binpb", "state.binpb.sha256"]
    assert stat.S_IMODE(files.path.stat().st_mode) == 0o600


STEPS_MAX = 20  # a save opens, renames, links, removes files some 15 times


class Crash(BaseException):
    """The process ends here: nothing after it happens, no ``finally`` matters."""


def save_until(files: SnapshotFiles, content: bytes, calls: int) -> bool:
    """Save and crash before that call to the host; false if there are fewer."""
    made = 0

    def watch(event: str, arguments: tuple[object, ...]) -> None:
        nonlocal made
        if event in {"open", "os.rename", "os.link", "os.remove", "os.utime"}:
            made += 1
            if watching and made == calls:
                raise Crash

    watching = True
    sys.addaudithook(watch)
    try:
        writer = SnapshotWriter(files)
        writer.open()
        writer.write(content)
        writer.commit(WALL_NS)
    except Crash:
        return True
    finally:
        watching = False
    return False


# checklist 65: whatever happens, one of the two whole files can be loaded
@pytest.mark.parametrize("calls", range(1, STEPS_MAX + 1), ids=str)
def test_crash_at_any_step_leaves_a_file_that_is_believed(
    files: SnapshotFiles, calls: int
) -> None:
    old, new = a_snapshot("old"), a_snapshot("new", "newer")
    save(files, a_snapshot("older"))
    save(files, old)

    crashed = save_until(files, new, calls)
    checksums = read_checksums(files.checksums)
    reading = read_snapshot(files.path, checksums, lambda _: AS_WRITTEN)
    previous = read_snapshot(files.previous, checksums, lambda _: AS_WRITTEN)

    assert crashed or calls > 10
    assert not crashed or calls < STEPS_MAX
    assert reading.is_whole
    assert files.path.read_bytes() in (old, new)
    assert crashed or files.path.read_bytes() == new
    assert previous.is_whole
    save(files, b"")
    assert names(files) == [
        "state.binpb",
        "state.binpb.previous",
        "state.binpb.sha256",
    ]


def test_without_hard_links_the_previous_one_is_kept_too(
    files: SnapshotFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_links(*_: object, **__: object) -> None:
        raise PermissionError(errno.EPERM, "no hard links here")

    save(files, b"old")
    monkeypatch.setattr(snapshot_file.os, "link", no_links)
    save(files, b"new")

    assert files.path.read_bytes() == b"new"
    assert files.previous.read_bytes() == b"old"


# checklist 67: a failed save leaves the old file
@pytest.mark.netns
def test_full_disk_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    # a file system of 64 KiB, in a mount namespace of its own
    script = f"""
import errno, pathlib, sys
sys.path.insert(0, {str(Path.cwd())!r})
from discovery.drivers.snapshot_file import SnapshotFiles, SnapshotWriter
files = SnapshotFiles(pathlib.Path({str(tmp_path)!r}) / "state.binpb")
def save(content):
    writer = SnapshotWriter(files)
    writer.open()
    try:
        writer.write(content)
        writer.commit(0)
    finally:
        writer.discard()
save(b"old")
before = sorted(path.name for path in files.path.parent.iterdir())
try:
    save(bytes(1000000))
except OSError as error:
    assert error.errno == errno.ENOSPC, error
else:
    sys.exit("it fitted")
assert files.path.read_bytes() == b"old"
assert sorted(path.name for path in files.path.parent.iterdir()) == before, "leftovers"
save(b"new")
assert files.path.read_bytes() == b"new"
"""
    mount = f"mount -t tmpfs -o size=64k none {tmp_path} && exec {sys.executable} -"

    ran = subprocess.run(
        ["unshare", "--mount", "sh", "-ec", mount],
        input=script,
        text=True,
        capture_output=True,
        check=False,
    )

    assert ran.returncode == 0, ran.stderr


def test_place_that_cannot_be_written_to_is_told_before(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(OSError, match=r"exists|Not a directory"):
        SnapshotFiles(tmp_path / "file" / "state.binpb").prepare()

    SnapshotFiles(tmp_path / "made" / "state.binpb").prepare()
    assert list((tmp_path / "made").iterdir()) == []


@pytest.mark.parametrize(
    "left",
    [
        "state.binpb",
        "state.binpb.previous",
        "state.binpb.corrupt-7",
        "state.binpb.log.3.corrupt-7-1",
    ],
)
def test_anything_left_tells_of_an_earlier_service(
    files: SnapshotFiles, left: str
) -> None:
    assert not files.exist()
    files.prepare()
    files.path.with_name("other.corrupt-7").touch()
    assert not files.exist()

    files.path.with_name(left).touch()

    assert files.exist()


def test_damaged_file_is_kept_under_another_name(files: SnapshotFiles) -> None:
    save(files, b"content")

    aside = files.set_aside(files.path, WALL_NS)
    save(files, b"new")

    assert aside.read_bytes() == b"content"
    assert aside.name == "state.binpb.corrupt-1700000000"
