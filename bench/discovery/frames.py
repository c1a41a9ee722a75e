"""As much HTTP/2 as a load generator needs; pure.

Requests are prebuilt: their header names and values stand in plain text, so that a call
costs one ``send``. Of a reply we need the data, and whether and how it ended. We allow
servers no table of earlier headers, so every header is spelled out, and a window of
2 GiB, so that only TCP holds a server back.

Source: RFC 9113; RFC 7541 sections 5 and 6, appendix B.
"""

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY, WINDOW_UPDATE = 0, 1, 3, 4, 6, 7, 8
ACK = END_STREAM = 1
END_HEADERS = 4
PADDED, PRIORITY = 8, 32
HEAD_BYTES = 9
WINDOW_MAX = 2**31 - 1
WINDOW_DEFAULT = 2**16 - 1

_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_HEADER_TABLE_SIZE, _ENABLE_PUSH, _INITIAL_WINDOW, _MAX_FRAME = 1, 2, 4, 5
_MAX_FRAME_BYTES = 2**24 - 1
_POST, _HTTP = b"\x83", b"\x86"
_HEAD = struct.Struct(">BHBBI")

Frame = tuple[int, int, int, bytes]
"""Kind, flags, stream, payload."""

# Codes of the characters we may meet in the one header we look for.
_HUFFMAN: Final = {
    "-": "010110",
    "0": "00000",
    "1": "00001",
    "2": "00010",
    "3": "011001",
    "4": "011010",
    "5": "011011",
    "6": "011100",
    "7": "011101",
    "8": "011110",
    "9": "011111",
    "a": "00011",
    "c": "00100",
    "g": "100110",
    "p": "101011",
    "r": "101100",
    "s": "01000",
    "t": "01001",
    "u": "101101",
}


def frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    """Return one frame."""
    return len(payload).to_bytes(3) + bytes([kind, flags]) + _word(stream) + payload


def opening() -> bytes:
    """Return what a client says first."""
    settings = {
        _HEADER_TABLE_SIZE: 0,
        _ENABLE_PUSH: 0,
        _INITIAL_WINDOW: WINDOW_MAX,
        _MAX_FRAME: _MAX_FRAME_BYTES,
    }
    said = b"".join(struct.pack(">HI", *setting) for setting in settings.items())
    more = _word(WINDOW_MAX - WINDOW_DEFAULT)
    return _PREFACE + frame(SETTINGS, 0, 0, said) + frame(WINDOW_UPDATE, 0, 0, more)


@dataclass(frozen=True, slots=True)
class Call:
    """A gRPC call with one request; the stream is chosen when it is sent."""

    headers: bytes
    body: bytes

    @classmethod
    def to(
        cls, path: str, authority: str, request: bytes, metadata: Mapping[str, str]
    ) -> "Call":
        """Build a call of a method; ``metadata`` may be empty."""
        fields = {
            ":path": path,
            ":authority": authority,
            "te": "trailers",
            "content-type": "application/grpc",
            **metadata,
        }
        block = b"".join(b"\0" + _text(k) + _text(v) for k, v in fields.items())
        return cls(_POST + _HTTP + block, b"\0" + _word(len(request)) + request)

    def on(self, stream: int) -> bytes:
        """Return the frames that make the call on a stream."""
        return frame(HEADERS, END_HEADERS, stream, self.headers) + frame(
            DATA, END_STREAM, stream, self.body
        )


class FrameReader:
    """Cuts what a server sends into frames."""

    __slots__ = ("_rest",)

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, chunk: bytes) -> list[Frame]:
        """Return the frames that are complete now; may be empty."""
        buffer = self._rest + chunk if self._rest else chunk
        frames, at, end = [], 0, len(buffer)
        while end - at >= HEAD_BYTES:
            high, low, kind, flags, stream = _HEAD.unpack_from(buffer, at)
            stop = at + HEAD_BYTES + (high << 16) + low
            if stop > end:
                break
            frames.append((kind, flags, stream, buffer[at + HEAD_BYTES : stop]))
            at = stop
        self._rest = buffer[at:]
        return frames


def answer(received: Frame) -> bytes:
    """Return what must be said to a frame; empty for nearly all."""
    kind, flags, _, payload = received
    if kind == SETTINGS and not flags & ACK:
        return frame(SETTINGS, ACK, 0, b"")
    if kind == PING and not flags & ACK:
        return frame(PING, ACK, 0, payload)
    return b""


def status_from_headers(received: Frame) -> int | None:
    """Return ``grpc-status`` of a frame of headers; None if it is not in there.

    Raises:
        ValueError: headers we cannot read.
    """
    for name, value in _fields(_block(received)):
        if name in _STATUS_NAMES:
            return _STATUS_CODED[value] if value in _STATUS_CODED else int(value)
    return None


def _word(value: int) -> bytes:
    return value.to_bytes(4)


def _text(value: str) -> bytes:
    raw = value.encode()
    if len(raw) > 126:
        raise ValueError(f"header longer than 126 bytes: {value[:20]}…")
    return bytes([len(raw)]) + raw


def _block(received: Frame) -> bytes:
    """Headers without padding and priority."""
    _, flags, _, payload = received
    begin, end = 0, len(payload)
    if flags & PADDED:
        begin, end = 1, end - payload[0]
    return payload[begin + (5 if flags & PRIORITY else 0) : end]


def _fields(block: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Names and values that are spelled out, Huffman codes as they are."""
    at = 0
    while at < len(block):
        first = block[at]
        if first & 0x80:  # both in the static table: never ours
            _, at = _integer(block, at, 7)
        elif first & 0xE0 == 0x20:  # size of the dynamic table
            _, at = _integer(block, at, 5)
        else:
            index, at = _integer(block, at, 6 if first & 0x40 else 4)
            name = b""
            if not index:
                name, at = _string(block, at)
            value, at = _string(block, at)
            yield name, value


def _string(block: bytes, at: int) -> tuple[bytes, int]:
    size, at = _integer(block, at, 7)
    if at + size > len(block):
        raise ValueError("header ends too early")
    return block[at : at + size], at + size


def _integer(block: bytes, at: int, bits: int) -> tuple[int, int]:
    if at >= len(block):
        raise ValueError("header ends too early")
    most = (1 << bits) - 1
    value, at = block[at] & most, at + 1
    if value < most:
        return value, at
    for shift in range(0, 28, 7):
        byte = block[at] if at < len(block) else 0
        at += 1
        value += (byte & 0x7F) << shift
        if not byte & 0x80:
            return value, at
    raise ValueError("number in a header too large")


def _coded(text: str) -> bytes:
    bits = "".join(_HUFFMAN[character] for character in text)
    bits += "1" * (-len(bits) % 8)
    return int(bits, 2).to_bytes(len(bits) // 8)


_STATUS_NAMES: Final = (b"grpc-status", _coded("grpc-status"))
_STATUS_CODED: Final = {_coded(str(status)): status for status in range(17)}
