"""The snapshot: every cluster as one top-level field of a ``StateSnapshot``.

::

    0x0A  length  ClusterSnapshot   0x0A  length  ClusterSnapshot   …

There is no magic, version or checksum. It is read cluster by cluster, so that a file
that is damaged gives what stands before the damage, and a large one needs no more
memory than what is in it.

Source: discovery.md 4.1-4.3; checklist 62-66.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from google.protobuf.message import DecodeError

from discovery.api import storage_pb2 as pb
from discovery.state.affiliate import Affiliate
from discovery.state.limits import AFFILIATES_MAX
from discovery.state.revival import Revival
from discovery.state.stored_affiliate import (
    TooMuch,
    affiliate_from_message,
    message_from_affiliate,
)
from discovery.state.wire_fields import (
    LENGTH_DELIMITED,
    VARINT_BYTES_MAX,
    Field,
    WireFault,
    encode_varint,
    split_fields,
)

CLUSTER_RECORD_BYTES_MAX: Final = 137_912_579  # the reference's number
# Ours: four times what can ever be stored, see stored_affiliate.py; and a number of
# clusters beyond which a file would only fill the memory.
AFFILIATES_READ_MAX: Final = 4 * AFFILIATES_MAX
AFFILIATE_RECORD_BYTES_MAX: Final = 1024 * 1024
CLUSTERS_READ_MAX: Final = 1_000_000

_TAG = b"\x0a"
_AFFILIATE_TAG = b"\x12"
_CLUSTER_ID = 1
_AFFILIATE = 2
_AFFILIATE_ID = 1
# Records and endpoints after which whoever encodes takes a breath; some milliseconds.
_WORK_MAX = 500


class SnapshotFault(ValueError):  # noqa: N818 - the file's, not ours
    """A snapshot that is damaged from some point on.

    Attributes:
        offset: of that point, in bytes.
        reason: what is wrong there.
    """

    def __init__(self, offset: int, reason: str) -> None:
        super().__init__(f"byte {offset}: {reason}")
        self.offset = offset
        self.reason = reason


@dataclass(frozen=True, slots=True)
class StoredCluster:
    """One cluster of a snapshot.

    Attributes:
        id: of the cluster.
        affiliates: distinct, in order; of two with one ID the later.
        unreadable: how many were left out because their ID is not UTF-8, which the
            reference stores and no client of ours could name.
    """

    id: str
    affiliates: tuple[Affiliate, ...]
    unreadable: int = 0


def encode_snapshot(
    clusters: Iterable[tuple[str, tuple[Affiliate, ...]]], now_ns: int
) -> Iterator[bytes]:
    """Yield the parts of a snapshot; also empty ones, so that no step takes long.

    Source:
        discovery.md 4.2.
    """
    work = 0
    for cluster_id, affiliates in clusters:
        record = bytearray(pb.ClusterSnapshot(id=cluster_id).SerializeToString())
        for affiliate in affiliates:
            message = message_from_affiliate(affiliate, now_ns, whole_seconds=True)
            encoded = message.SerializeToString()
            record += _AFFILIATE_TAG + encode_varint(len(encoded)) + encoded
            work += 1 + len(affiliate.endpoints)
            if work > _WORK_MAX:
                work = 0
                yield b""
        yield _TAG + encode_varint(len(record)) + record


def read_clusters(
    read: Callable[[int], bytes],
    revival: Revival,
    clusters_max: int = CLUSTERS_READ_MAX,
) -> Iterator[StoredCluster]:
    """Yield the clusters of a snapshot.

    Args:
        read: gives so many bytes, fewer only at the end.
        revival: what becomes of lifetimes.
        clusters_max: how many there may be.

    Raises:
        SnapshotFault: damaged; every cluster before was yielded.

    Source:
        discovery.md 4.3, where an end after a tag is damage and no empty cluster.
    """
    known: set[str] = set()
    offset = 0
    while tag := read(1):
        record, start = _read_record(read, tag, offset)
        cluster = _cluster_from_record(record, start, revival)
        if cluster.id in known:
            raise SnapshotFault(offset, "a cluster for the second time")
        if len(known) >= clusters_max:
            raise SnapshotFault(offset, f"more than {clusters_max} clusters")
        known.add(cluster.id)
        offset = start + len(record)
        yield cluster


def _read_record(
    read: Callable[[int], bytes], tag: bytes, offset: int
) -> tuple[bytes, int]:
    """Return one record and where it begins."""
    if tag != _TAG:
        raise SnapshotFault(offset, f"0x{tag.hex()} where a cluster should begin")
    length, length_bytes = _read_length(read, offset)
    if length > CLUSTER_RECORD_BYTES_MAX:
        raise SnapshotFault(offset, f"a cluster of {length} bytes, which is too large")
    record = read(length)
    if len(record) < length:
        missing = length - len(record)
        raise SnapshotFault(offset, f"a cluster is cut short by {missing} bytes")
    return record, offset + 1 + length_bytes


def _read_length(read: Callable[[int], bytes], offset: int) -> tuple[int, int]:
    value = 0
    for index in range(VARINT_BYTES_MAX):
        byte = read(1)
        if not byte:
            raise SnapshotFault(offset, "the file ends where a cluster begins")
        value |= (byte[0] & 0x7F) << (7 * index)
        if byte[0] < 0x80:
            return value, index + 1
    raise SnapshotFault(offset, "a length that does not end")


def _cluster_from_record(record: bytes, offset: int, revival: Revival) -> StoredCluster:
    """Return a cluster; ``offset`` is where the record begins in the file."""
    try:
        cluster_id, found = _read_fields(record, revival)
    except WireFault as fault:
        raise SnapshotFault(offset + fault.offset, str(fault)) from fault
    affiliate_by_id = {a.id: a for a in found if a is not None}
    name = cluster_id.decode(errors="surrogateescape")
    if not _is_text(name):
        return StoredCluster(name, (), len(found))
    affiliates = tuple(affiliate_by_id.values())
    return StoredCluster(name, affiliates, found.count(None))


def _read_fields(
    record: bytes, revival: Revival
) -> tuple[bytes, list[Affiliate | None]]:
    cluster_id = b""
    found: list[Affiliate | None] = []
    for field in split_fields(record):
        if field.wire_type != LENGTH_DELIMITED:
            continue
        if field.number == _CLUSTER_ID:
            cluster_id = field.content
        elif field.number == _AFFILIATE:
            if len(found) >= AFFILIATES_READ_MAX:
                reason = f"a cluster with more than {AFFILIATES_READ_MAX} affiliates"
                raise WireFault(field.offset, reason)
            found.append(_affiliate_from_field(field, revival))
    return cluster_id, found


def _affiliate_from_field(field: Field, revival: Revival) -> Affiliate | None:
    """Return an affiliate; None if all that is wrong is that its ID is no text."""
    if len(field.content) > AFFILIATE_RECORD_BYTES_MAX:
        raise WireFault(field.offset, f"an affiliate of {len(field.content)} bytes")
    message = pb.AffiliateSnapshot()
    try:
        message.ParseFromString(field.content)
        return affiliate_from_message(message, revival)
    except DecodeError:
        _refuse_unless_only_the_id_is_wrong(field)
        return None
    except TooMuch as error:
        raise WireFault(field.offset, str(error)) from error


def _refuse_unless_only_the_id_is_wrong(field: Field) -> None:
    try:
        fields = [f for f in split_fields(field.content) if f.number != _AFFILIATE_ID]
        without_id = b"".join(map(_encode_field, fields))
        pb.AffiliateSnapshot().ParseFromString(without_id)
    except WireFault as fault:
        raise WireFault(field.offset + fault.offset, str(fault)) from fault
    except DecodeError as error:
        raise WireFault(field.offset, "an affiliate that cannot be read") from error


def _encode_field(field: Field) -> bytes:
    if field.wire_type != LENGTH_DELIMITED:
        return b""  # no field of ours
    tag = encode_varint(field.number << 3 | LENGTH_DELIMITED)
    return tag + encode_varint(len(field.content)) + field.content


def _is_text(name: str) -> bool:
    return not any("\udc80" <= character <= "\udcff" for character in name)
