import io
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from discovery.state.log_frames import (
    FRAME_BYTES_MAX,
    MAGIC,
    LogFault,
    LogRecord,
    LogTorn,
    encode_frame,
    encode_record,
    read_log,
)
from discovery.state.revival import Revival
from tests.discovery.records import NOW_NS, WALL_NS, an_affiliate

PUT = LogRecord("c1", "af1", an_affiliate("af1", b"e1", life_s=1.5))
DELETED = LogRecord("c1", "af2", None)


def a_frame(*records: LogRecord) -> bytes:
    encoded = [encode_record(record, NOW_NS, WALL_NS) for record in records]
    return encode_frame(b"".join(encoded))


FRAMES = (a_frame(PUT), a_frame(DELETED, PUT), a_frame(DELETED))
LOG = MAGIC + b"".join(FRAMES)


def same_instant(written_at_ns: int) -> Revival:
    return Revival(NOW_NS, written_at_ns, 0, 0)


def read(content: bytes) -> list[LogRecord]:
    return list(read_log(io.BytesIO(content).read, same_instant))


def read_until_end(content: bytes) -> tuple[list[LogRecord], LogTorn | LogFault]:
    found: list[LogRecord] = []
    try:
        for record in read_log(io.BytesIO(content).read, same_instant):
            found.append(record)  # noqa: PERF402 - up to the end
    except (LogTorn, LogFault) as end:
        return found, end
    pytest.fail("it was whole")


def test_changes_come_back_in_order_and_to_the_nanosecond() -> None:
    assert read(LOG) == [PUT, DELETED, PUT, DELETED]


def test_life_counts_from_when_it_was_written() -> None:
    told = []

    def revive(written_at_ns: int) -> Revival:
        told.append(written_at_ns)
        return same_instant(written_at_ns)

    list(read_log(io.BytesIO(LOG).read, revive))

    assert told == [WALL_NS, WALL_NS]


@pytest.mark.parametrize("length", range(len(MAGIC)), ids=str)
def test_log_that_was_just_begun_is_empty(length: int) -> None:
    assert read(MAGIC[:length]) == []


def test_record_of_nothing_but_an_id_can_be_deleted() -> None:
    nameless = LogRecord("", "", None)

    assert read(MAGIC + a_frame(nameless)) == [nameless]


@pytest.mark.parametrize("length", range(len(MAGIC), len(LOG)), ids=str)
def test_log_cut_anywhere_has_a_torn_end_and_all_before(length: int) -> None:
    ends = [len(MAGIC)]
    for frame in FRAMES:
        ends.append(ends[-1] + len(frame))
    if length in ends:
        assert read(LOG[:length]) == read(LOG)[: (0, 1, 3)[ends.index(length)]]
        return

    found, end = read_until_end(LOG[:length])

    assert isinstance(end, LogTorn)
    assert end.offset == max(e for e in ends if e < length)
    assert found == read(LOG[: end.offset])


@pytest.mark.parametrize(
    "tail",
    [
        pytest.param(bytes(4096), id="zeros of a file that grew"),
        pytest.param(FRAMES[0][:12] + bytes(len(FRAMES[0]) - 12), id="a lost page"),
        pytest.param(FRAMES[0][:-1] + b"\xff", id="a last byte not written"),
    ],
)
def test_what_a_power_cut_leaves_at_the_end_is_torn(tail: bytes) -> None:
    found, end = read_until_end(LOG + tail)

    assert isinstance(end, LogTorn)
    assert found == read(LOG)


@pytest.mark.parametrize("at", [0, 5, 9, 12, 20], ids="byte {} of a frame".format)
def test_damage_in_the_middle_is_no_torn_end(at: int) -> None:
    damaged = bytearray(LOG)
    damaged[len(MAGIC) + len(FRAMES[0]) + at] ^= 0x40

    found, end = read_until_end(bytes(damaged))

    assert isinstance(end, LogFault)
    assert end.offset == len(MAGIC) + len(FRAMES[0])
    assert found == [PUT]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        pytest.param(b"KSDLOG2\n" + FRAMES[0], "no log of ours", id="other version"),
        pytest.param(b"\x0a\x00", "no log of ours", id="a snapshot"),
        pytest.param(
            MAGIC + encode_frame(b"\xff\xff") + FRAMES[0], "cannot be read", id="junk"
        ),
        pytest.param(
            MAGIC + encode_frame(bytes(FRAME_BYTES_MAX + 1)), "a frame of", id="large"
        ),
    ],
)
def test_what_we_do_not_write_is_refused(content: bytes, reason: str) -> None:
    found, end = read_until_end(content)

    assert isinstance(end, LogFault)
    assert reason in str(end)
    assert found == []


def test_hostile_record_in_a_sound_frame_is_refused() -> None:
    endpoints = [b"%d" % number for number in range(300)]
    hostile = replace(PUT, affiliate=an_affiliate("af1", *endpoints))

    _, end = read_until_end(MAGIC + a_frame(hostile))

    assert "300 endpoints" in str(end)


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(content: bytes) -> None:
    for tail in (content, encode_frame(content)):
        found, _ = read_until_end(LOG + tail + b"\x00")
        assert found[: len(read(LOG))] == read(LOG)


@given(st.data())
def test_whatever_happens_to_a_log_what_stands_before_is_read(
    data: st.DataObject,
) -> None:
    at = data.draw(st.integers(0, len(LOG) - 1))
    damaged = LOG[:at] + data.draw(st.binary(max_size=10)) + LOG[at + 1 :]
    whole = [frames for frames in range(4) if _end_of(frames) <= at]

    try:
        found = read(damaged)
    except (LogTorn, LogFault):
        found, _ = read_until_end(damaged)

    before = read(LOG[: _end_of(whole[-1])]) if whole else []
    assert found[: len(before)] == before


def _end_of(frames: int) -> int:
    return len(MAGIC) + sum(map(len, FRAMES[:frames]))
