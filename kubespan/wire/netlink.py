"""Netlink: messages, attributes, refusals, and generic netlink's family numbers.

::

    message    length kind flags sequence port | payload            16-byte header
    attribute  length kind | payload, padded to 4 bytes             may hold attributes
    generic    command version 0 0 | attributes                     in a message

Numbers are in host byte order.

Source:
    Linux include/uapi/linux/netlink.h and genetlink.h.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from kubespan.errors import WireError

ERROR: Final = 2
"""Kind of a message that ends an exchange: errno 0 is success."""
DONE: Final = 3
"""Kind of the message after the last of a dump."""
REQUEST: Final = 0x1
ACK: Final = 0x4
DUMP: Final = 0x300
DUMP_INTERRUPTED: Final = 0x10
"""Flag: what is dumped changed meanwhile; the dump may be inconsistent."""
FAMILY_CONTROL: Final = 16
"""The one generic netlink family whose number is fixed; it knows the others."""

_HEADER: Final = struct.Struct("=IHHII")
_ATTRIBUTE: Final = struct.Struct("=HH")
_GENERIC: Final = struct.Struct("=BBH")
_ERRNO: Final = struct.Struct("=i")
_NUMBER16: Final = struct.Struct("=H")
_NESTED: Final = 0x8000
_KIND_MASK: Final = 0x3FFF
_CAPPED: Final = 0x100
_HAS_TEXT: Final = 0x200
_TEXT_ATTRIBUTE: Final = 1
_GET_FAMILY: Final = 3
_FAMILY_ID: Final = 1
_FAMILY_NAME: Final = 2


@dataclass(frozen=True, slots=True)
class NetlinkMessage:
    """One message as received.

    Attributes:
        sequence: that of the request it answers.
        payload: what follows the header.
    """

    kind: int
    flags: int
    sequence: int
    payload: bytes


def encode_message(kind: int, flags: int, sequence: int, payload: bytes) -> bytes:
    """Return a message with its header; the port is left to the kernel."""
    return _HEADER.pack(_HEADER.size + len(payload), kind, flags, sequence, 0) + payload


def split_messages(datagram: bytes) -> list[NetlinkMessage]:
    """Return all messages of one datagram, in order.

    Raises:
        WireError: a length leads outside.
    """
    found, offset = [], 0
    while offset < len(datagram):
        if len(datagram) - offset < _HEADER.size:
            raise WireError("netlink: a message header is cut off")
        length, kind, flags, sequence, _ = _HEADER.unpack_from(datagram, offset)
        if not _HEADER.size <= length <= len(datagram) - offset:
            raise WireError(f"netlink: a message of {length} bytes does not fit")
        payload = datagram[offset + _HEADER.size : offset + length]
        found.append(NetlinkMessage(kind, flags, sequence, payload))
        offset += _padded(length)
    return found


def encode_attribute(kind: int, payload: bytes) -> bytes:
    """Return one attribute, padded to 4 bytes."""
    length = _ATTRIBUTE.size + len(payload)
    padding = bytes(_padded(length) - length)
    return _ATTRIBUTE.pack(length, kind) + payload + padding


def encode_nest(kind: int, attributes: bytes) -> bytes:
    """Return an attribute that holds attributes; the kernel insists on the mark."""
    return encode_attribute(kind | _NESTED, attributes)


def parse_attributes(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield kind and payload of each attribute, in order.

    Raises:
        WireError: a length leads outside.
    """
    offset = 0
    while offset < len(data):
        if len(data) - offset < _ATTRIBUTE.size:
            raise WireError("netlink: an attribute header is cut off")
        length, kind = _ATTRIBUTE.unpack_from(data, offset)
        if not _ATTRIBUTE.size <= length <= len(data) - offset:
            raise WireError(f"netlink: an attribute of {length} bytes does not fit")
        yield kind & _KIND_MASK, data[offset + _ATTRIBUTE.size : offset + length]
        offset += _padded(length)


def parse_refusal(message: NetlinkMessage) -> tuple[int, str]:
    """Return errno and the kernel's words of an ``ERROR`` or ``DONE`` message.

    Returns:
        errno 0 for success; the words may be empty.
    """
    if len(message.payload) < _ERRNO.size:
        return 0, ""
    (code,) = _ERRNO.unpack_from(message.payload)
    if not message.flags & _HAS_TEXT:
        return -code, ""
    attributes = message.payload[_attributes_offset(message) :]
    text = dict(parse_attributes(attributes)).get(_TEXT_ATTRIBUTE, b"")
    return -code, text.rstrip(b"\0").decode(errors="replace")


def encode_generic(command: int, attributes: bytes) -> bytes:
    """Return the payload of a generic netlink message, version 1."""
    return _GENERIC.pack(command, 1, 0) + attributes


def parse_generic(payload: bytes) -> bytes:
    """Return the attributes of a generic netlink message; ``WireError`` if cut off."""
    if len(payload) < _GENERIC.size:
        raise WireError("netlink: a generic header is cut off")
    return payload[_GENERIC.size :]


def encode_family_question(name: str) -> bytes:
    """Return the payload that asks ``FAMILY_CONTROL`` for a family's number."""
    attribute = encode_attribute(_FAMILY_NAME, name.encode() + b"\0")
    return encode_generic(_GET_FAMILY, attribute)


def parse_family_answer(payload: bytes) -> int:
    """Return a family's number; ``WireError`` if the answer holds none."""
    raw = dict(parse_attributes(parse_generic(payload))).get(_FAMILY_ID, b"")
    if len(raw) != _NUMBER16.size:
        raise WireError("netlink: an answer without family number")
    (number,) = _NUMBER16.unpack(raw)
    return int(number)


def _attributes_offset(message: NetlinkMessage) -> int:
    """Where attributes start: behind errno and, in an error, the request it quotes."""
    if message.kind != ERROR:
        return _ERRNO.size
    if message.flags & _CAPPED or len(message.payload) < _ERRNO.size + _HEADER.size:
        return _ERRNO.size + _HEADER.size
    (length,) = struct.unpack_from("=I", message.payload, _ERRNO.size)
    return _ERRNO.size + _padded(length)


def _padded(length: int) -> int:
    return (length + 3) & ~3
