r"""The append log: changes in frames, each written and forced to disk as one.

::

    file    "KSDLOG1\n"  frame  frame  …
    frame   length  CRC of the payload  CRC of these eight bytes  payload
            4 bytes 4 bytes             4 bytes, all big-endian

A frame is begun only when the one before is on disk. So what a crash leaves behind is
at the very end, a torn frame that nobody was told is kept; anything else that cannot
be read is damage.
"""

import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from google.protobuf.message import DecodeError

from discovery.api import log_pb2 as pb
from discovery.state.affiliate import Affiliate
from discovery.state.revival import Revival
from discovery.state.stored_affiliate import (
    TooMuch,
    affiliate_from_message,
    message_from_affiliate,
)

MAGIC: Final = b"KSDLOG1\n"
FRAME_BYTES_MAX: Final = 16 * 1024 * 1024

_HEAD = struct.Struct(">II")
_HEAD_CRC = struct.Struct(">I")
_HEAD_BYTES = _HEAD.size + _HEAD_CRC.size
_CHUNK_BYTES = 1024 * 1024


class LogTorn(ValueError):  # noqa: N818 - what a crash leaves behind
    """The last frame was not written whole; nobody was told that it is kept.

    Attributes:
        offset: where it begins; what stands before is whole.
    """

    def __init__(self, offset: int) -> None:
        super().__init__(f"byte {offset}: the last frame is cut short")
        self.offset = offset


class LogFault(ValueError):  # noqa: N818 - the file's, not ours
    """A log that is damaged before its end.

    Attributes:
        offset: from where on, in bytes.
    """

    def __init__(self, offset: int, reason: str) -> None:
        super().__init__(f"byte {offset}: {reason}")
        self.offset = offset


@dataclass(frozen=True, slots=True)
class LogRecord:
    """One affiliate after one change.

    Attributes:
        cluster_id: of its cluster.
        affiliate_id: its ID.
        affiliate: the whole record; None if it is gone.
    """

    cluster_id: str
    affiliate_id: str
    affiliate: Affiliate | None


def encode_record(record: LogRecord, now_ns: int, wall_ns: int) -> bytes:
    """Return one record; several in a row are the payload of a frame.

    Args:
        record: what to write down.
        now_ns: monotonic.
        wall_ns: the same instant on the wall.
    """
    message = pb.LogRecord(written_at_ns=wall_ns, cluster_id=record.cluster_id)
    if record.affiliate is None:
        message.deleted_id = record.affiliate_id
    else:
        stored = message_from_affiliate(record.affiliate, now_ns, whole_seconds=False)
        message.affiliate.CopyFrom(stored)
    return pb.LogRecords(records=[message]).SerializeToString()


def encode_frame(payload: bytes) -> bytes:
    """Return a frame around encoded records, at most ``FRAME_BYTES_MAX`` of them."""
    head = _HEAD.pack(len(payload), zlib.crc32(payload))
    return head + _HEAD_CRC.pack(zlib.crc32(head)) + payload


def read_log(
    read: Callable[[int], bytes], revive: Callable[[int], Revival]
) -> Iterator[LogRecord]:
    """Yield the records of a log, in order. An empty file is an empty log.

    Args:
        read: gives so many bytes, fewer only at the end.
        revive: from the wall clock when a record was written to what becomes of it.

    Raises:
        LogTorn: the end is missing; every record before was yielded.
        LogFault: damaged; every record before was yielded.
    """
    magic = read(len(MAGIC))
    if magic != MAGIC:
        if MAGIC.startswith(magic):
            return
        raise LogFault(0, "this is no log of ours")
    offset = len(MAGIC)
    while head := read(_HEAD_BYTES):
        payload = _read_payload(read, head, offset)
        yield from _records_from_payload(payload, offset, revive)
        offset += _HEAD_BYTES + len(payload)


def _read_payload(read: Callable[[int], bytes], head: bytes, offset: int) -> bytes:
    if len(head) < _HEAD_BYTES:
        raise LogTorn(offset)
    length, expected = _HEAD.unpack_from(head)
    if _HEAD_CRC.pack(zlib.crc32(head[: _HEAD.size])) != head[_HEAD.size :]:
        if not any(head) and _rest_is_empty(read):
            raise LogTorn(offset)
        raise LogFault(offset, "the beginning of a frame does not fit its checksum")
    if length > FRAME_BYTES_MAX:
        raise LogFault(offset, f"a frame of {length} bytes")
    payload = read(length)
    if len(payload) == length and zlib.crc32(payload) == expected:
        return payload
    if len(payload) < length or not read(1):
        raise LogTorn(offset)
    raise LogFault(offset, "a frame does not fit its checksum")


def _rest_is_empty(read: Callable[[int], bytes]) -> bool:
    """Tell whether only zeros follow: a file that grew and was not written to."""
    return not any(any(chunk) for chunk in iter(lambda: read(_CHUNK_BYTES), b""))


def _records_from_payload(
    payload: bytes, offset: int, revive: Callable[[int], Revival]
) -> Iterator[LogRecord]:
    message = pb.LogRecords()
    try:
        message.ParseFromString(payload)
        for stored in message.records:
            yield _record_from_message(stored, revive)
    except (DecodeError, TooMuch) as error:
        raise LogFault(offset, f"a frame that cannot be read: {error}") from error


def _record_from_message(
    stored: pb.LogRecord, revive: Callable[[int], Revival]
) -> LogRecord:
    if stored.WhichOneof("after") != "affiliate":
        return LogRecord(stored.cluster_id, stored.deleted_id, None)
    revival = revive(stored.written_at_ns)
    affiliate = affiliate_from_message(stored.affiliate, revival)
    return LogRecord(stored.cluster_id, affiliate.id, affiliate)
