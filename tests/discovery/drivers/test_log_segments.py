import resource
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from discovery.drivers.log_segments import LogSegments
from discovery.state.log_frames import MAGIC, LogRecord, encode_record, read_log
from tests.discovery.records import AS_WRITTEN, NOW_NS, WALL_NS


@pytest.fixture
def segments(tmp_path: Path) -> LogSegments:
    return LogSegments(tmp_path / "made" / "state.binpb")


def a_payload(affiliate_id: str) -> bytes:
    return encode_record(LogRecord("c", affiliate_id, None), NOW_NS, WALL_NS)


def ids_in(path: Path) -> list[str]:
    with path.open("rb") as file:
        return [r.affiliate_id for r in read_log(file.read, lambda _: AS_WRITTEN)]


def test_what_is_appended_is_read_back(segments: LogSegments) -> None:
    segment = segments.begin()

    segment.append(a_payload("a") + a_payload("b"))
    segment.append(a_payload("c"))

    assert ids_in(segment.path) == ["a", "b", "c"]
    assert segment.size_bytes == segment.path.stat().st_size
    assert stat.S_IMODE(segment.path.stat().st_mode) == 0o600
    segment.close()
    segment.close()


def test_segments_are_listed_oldest_first(segments: LogSegments) -> None:
    assert segments.list() == []
    for _ in range(11):
        segments.begin().close()
    for other in ("state.binpb.log.x", "state.binpb.log.07", "other.log.3"):
        (segments.list()[0].parent / other).touch()

    numbers = [path.name.rpartition(".")[2] for path in segments.list()]

    assert numbers == [str(number) for number in range(1, 12)]


def test_new_segment_is_newer_than_every_other(segments: LogSegments) -> None:
    one, two = segments.begin(), segments.begin()
    segments.remove(one.path)

    three = segments.begin()

    assert segments.list() == [two.path, three.path]
    for segment in (one, two, three):
        segment.close()


def test_damaged_segment_is_not_listed_any_more(segments: LogSegments) -> None:
    segment = segments.begin()
    segment.close()

    aside = segments.set_aside(segment.path, WALL_NS)

    assert segments.list() == []
    assert aside.read_bytes() == MAGIC


def test_place_that_cannot_be_written_to_is_an_error() -> None:
    with pytest.raises(OSError, match="/proc"):
        LogSegments(Path("/proc/none/state.binpb")).begin()


def test_full_disk_is_told_and_what_was_appended_is_still_there(
    segments: LogSegments, tmp_path: Path
) -> None:
    # in a process of its own: the limit on the size of files holds for all of them
    script = f"""
import pathlib, signal, resource, sys
sys.path.insert(0, {str(Path.cwd())!r})
from discovery.drivers.log_segments import LogSegments
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))
segment = LogSegments(pathlib.Path({str(tmp_path / "made" / "state.binpb")!r})).begin()
segment.append({a_payload("kept")!r})
try:
    segment.append({a_payload("a" * 5000)!r})
except OSError as error:
    print("refused", error.errno)
"""
    ran = subprocess.run(
        [sys.executable, "-"], input=script, text=True, capture_output=True, check=True
    )

    assert ran.stdout.startswith("refused")
    (path,) = segments.list()
    assert path.stat().st_size <= 4096 < resource.getpagesize() + 1
    with pytest.raises(ValueError, match="the last frame is cut short"):
        ids_in(path)
