"""Requests of the load, and what a watcher must read of a reply; pure.

Every piece of data and every endpoint begins with a version of 8 bytes, which grows
with every update of a run. A watcher is up to date on an affiliate if the highest
version it was sent is the last that was submitted.

Source: discovery.md 1.2.
"""

from collections.abc import Iterator

SERVICE = "/sidero.discovery.server.Cluster/"
# Of a Talos node with KubeSpan the sealed record has about 300 bytes, an endpoint has
# 16 or 32.
DATA_BYTES = 300
ENDPOINT_BYTES = 32
ENDPOINTS = 2
TTL_S = 1800
VERSION_BYTES = 8
INDEX_DIGITS = 5

Mark = tuple[int, int]
"""Index of an affiliate in its cluster, and its version; 0 once it is deleted."""


def affiliate_id(index: int) -> str:
    """Return an ID as long as those of Talos, 43 to 44 characters."""
    return f"{'affiliate':-<38}{index:0{INDEX_DIGITS}d}"


def watch_request(cluster_id: str) -> bytes:
    """Return a ``WatchRequest``."""
    return _field(1, cluster_id.encode())


def update_request(
    cluster_id: str, index: int, data: bytes, endpoints: tuple[bytes, ...]
) -> bytes:
    """Return an ``AffiliateUpdateRequest`` with the longest lifetime there is."""
    lifetime = b"\x08" + _varint(TTL_S)
    return (
        _field(1, cluster_id.encode())
        + _field(2, affiliate_id(index).encode())
        + (_field(3, data) if data else b"")
        + b"".join(_field(4, endpoint) for endpoint in endpoints)
        + _field(5, lifetime)
    )


def delete_request(cluster_id: str, index: int) -> bytes:
    """Return an ``AffiliateDeleteRequest``."""
    return _field(1, cluster_id.encode()) + _field(2, affiliate_id(index).encode())


def data_of(version: int) -> bytes:
    """Return data that carries a version."""
    return version.to_bytes(VERSION_BYTES) + b"\xa5" * (DATA_BYTES - VERSION_BYTES)


def endpoint_of(index: int, version: int) -> bytes:
    """Return an endpoint that carries a version."""
    padding = index.to_bytes(ENDPOINT_BYTES - VERSION_BYTES)
    return version.to_bytes(VERSION_BYTES) + padding


def read_watch_message(message: bytes) -> tuple[Mark, ...]:
    """Return which affiliates a ``WatchResponse`` speaks of, in order.

    Raises:
        ValueError: not a message of this load.
        IndexError: likewise.
    """
    affiliates, deleted = [], False
    for number, value in _fields(message):
        if number == 1 and isinstance(value, bytes):
            affiliates.append(value)
        elif number == 2:
            deleted = bool(value)
    marks = map(_mark_from_affiliate, affiliates)
    return tuple((index, 0 if deleted else version) for index, version in marks)


def _mark_from_affiliate(affiliate: bytes) -> Mark:
    index, version = -1, 0
    for number, value in _fields(affiliate):
        if not isinstance(value, bytes):
            continue
        if number == 1:
            index = int(value[-INDEX_DIGITS:])
        else:
            version = max(version, int.from_bytes(value[:VERSION_BYTES]))
    if index < 0:
        raise ValueError("affiliate without ID")
    return index, version


def _fields(raw: bytes) -> Iterator[tuple[int, bytes | int]]:
    at = 0
    while at < len(raw):
        key, at = _read_varint(raw, at)
        value, at = _read_varint(raw, at)
        if key & 7 == 0:
            yield key >> 3, value
        elif key & 7 == 2:
            if at + value > len(raw):
                raise ValueError("message ends too early")
            yield key >> 3, raw[at : at + value]
            at += value
        else:
            raise ValueError(f"unexpected field {key >> 3} of type {key & 7}")


def _read_varint(raw: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = raw[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7


def _field(number: int, value: bytes) -> bytes:
    return bytes([number << 3 | 2]) + _varint(len(value)) + value


def _varint(value: int) -> bytes:
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)
