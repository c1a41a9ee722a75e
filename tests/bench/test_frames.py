import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.discovery.frames import (
    DATA,
    END_STREAM,
    HEADERS,
    PADDED,
    PING,
    PRIORITY,
    SETTINGS,
    Call,
    FrameReader,
    answer,
    frame,
    opening,
    status_from_headers,
)

FRAMES = [(DATA, 0, 1, b"abc"), (HEADERS, 5, 3, b""), (PING, 0, 0, b"12345678")]
STATUS_10_CODED = bytes.fromhex("9acac8b21234da8f") + b"\x82\x08\x3f"


@given(cut=st.integers(0, 38))
def test_frames_are_the_same_wherever_the_stream_is_cut(cut: int) -> None:
    stream = b"".join(frame(*each) for each in FRAMES)
    reader = FrameReader()

    assert reader.feed(stream[:cut]) + reader.feed(stream[cut:]) == FRAMES


def test_client_speaks_first_and_then_in_whole_frames() -> None:
    preface, rest = opening()[:24], opening()[24:]

    assert preface == b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
    assert [kind for kind, *_ in FrameReader().feed(rest)] == [SETTINGS, 8]


def test_call_is_headers_and_one_message() -> None:
    call = Call.to("/s/M", "h:1", b"request", {"x-real-ip": "192.0.2.1"})

    headers, data = FrameReader().feed(call.on(5))

    assert (headers[0], headers[2], data[2]) == (HEADERS, 5, 5)
    assert b"\x09x-real-ip\x09192.0.2.1" in headers[3]
    assert data == (DATA, END_STREAM, 5, b"\0\0\0\0\x07request")


@pytest.mark.parametrize("kind", [SETTINGS, PING])
def test_server_is_answered_once(kind: int) -> None:
    asked = (kind, 0, 0, b"12345678")

    (acknowledged,) = FrameReader().feed(answer(asked))

    assert acknowledged[:2] == (kind, 1)
    assert answer(acknowledged) == b""


@pytest.mark.parametrize(
    "received",
    [
        pytest.param((HEADERS, 5, 1, b"\0\x0bgrpc-status\x0210"), id="plain"),
        pytest.param((HEADERS, 5, 1, b"\0\x88" + STATUS_10_CODED), id="Huffman"),
        pytest.param(
            (HEADERS, 5 | PADDED, 1, b"\x02\0\x0bgrpc-status\x0210\0\0"), id="padded"
        ),
        pytest.param(
            (HEADERS, 5 | PRIORITY, 1, b"12345\0\x0bgrpc-status\x0210"), id="priority"
        ),
        pytest.param((HEADERS, 5, 1, b"\x88\x20\0\x0bgrpc-status\x0210"), id="later"),
    ],
)
def test_status_is_found(received: tuple[int, int, int, bytes]) -> None:
    assert status_from_headers(received) == 10


def test_headers_without_status_have_none() -> None:
    assert status_from_headers((HEADERS, 4, 1, b"\x88\0\x01a\x01b")) is None


@given(st.binary(max_size=60))
def test_other_headers_are_refused_or_have_no_status(block: bytes) -> None:
    try:
        status_from_headers((HEADERS, 4, 1, block))
    except ValueError:
        return
