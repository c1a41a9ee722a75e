"""The protobuf wire format, field by field, for what must not be read as a whole.

Source: protobuf.dev/programming-guides/encoding.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

VARINT: Final = 0
FIXED64: Final = 1
LENGTH_DELIMITED: Final = 2
FIXED32: Final = 5

VARINT_BYTES_MAX: Final = 10


class WireFault(ValueError):  # noqa: N818 - what is wrong with the bytes, not with us
    """Bytes that are no protobuf message.

    Attributes:
        offset: where, in bytes from the beginning.
    """

    def __init__(self, offset: int, reason: str) -> None:
        super().__init__(reason)
        self.offset = offset


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a message.

    Attributes:
        number: of the field.
        wire_type: how it is encoded.
        content: what it holds; empty unless it is length-delimited.
        offset: where ``content`` begins in the message.
    """

    number: int
    wire_type: int
    content: bytes
    offset: int


def encode_varint(value: int) -> bytes:
    """Return a non-negative number in groups of seven bits, the lowest first."""
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)


def split_fields(message: bytes) -> Iterator[Field]:
    """Yield the fields of a message; one level deep.

    Raises:
        WireFault: no message; fields before the fault were yielded.
    """
    position = 0
    while position < len(message):
        tag, position = _varint(message, position)
        number, wire_type = tag >> 3, tag & 7
        if not number:
            raise WireFault(position - 1, "a field without number")
        start, end = _extent(message, position, wire_type)
        if end > len(message):
            raise WireFault(position, f"field {number} is cut short")
        content = message[start:end] if wire_type == LENGTH_DELIMITED else b""
        yield Field(number, wire_type, content, start)
        position = end


def _extent(message: bytes, position: int, wire_type: int) -> tuple[int, int]:
    if wire_type == VARINT:
        return position, _varint(message, position)[1]
    if wire_type == LENGTH_DELIMITED:
        length, start = _varint(message, position)
        return start, start + length
    if wire_type in (FIXED64, FIXED32):
        return position, position + (8 if wire_type == FIXED64 else 4)
    raise WireFault(position - 1, f"wire type {wire_type}, which is not used")


def _varint(message: bytes, position: int) -> tuple[int, int]:
    """Return a number and where it ends."""
    if position < len(message) and message[position] < 0x80:
        return message[position], position + 1
    value = 0
    for index, byte in enumerate(message[position : position + VARINT_BYTES_MAX]):
        value |= (byte & 0x7F) << (7 * index)
        if byte < 0x80:
            return value, position + index + 1
    raise WireFault(position, "a number that does not end")
