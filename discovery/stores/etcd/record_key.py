"""Which key of etcd holds which record; pure.

``<prefix>v1/<cluster ID>/<affiliate ID>``, both percent-encoded: letters, digits and
``_.-~`` stand for themselves, every other byte is ``%`` and two upper-case digits. So
a key belongs to one record only, and a record to one key only.
"""

from typing import NamedTuple
from urllib.parse import quote, unquote

from discovery.state.limits import AFFILIATE_ID_BYTES_MAX, CLUSTER_ID_BYTES_MAX

VERSION = "v1/"


class RecordKey(NamedTuple):
    """Whose record.

    Attributes:
        cluster_id: 1 to 256 bytes as UTF-8.
        affiliate_id: likewise.
    """

    cluster_id: str
    affiliate_id: str


def prefix_of_records(prefix: str) -> bytes:
    """Return what every key of a record begins with, given the operator's prefix."""
    return (prefix + VERSION).encode()


def etcd_key_from_record_key(prefix: bytes, key: RecordKey) -> bytes:
    """Return the key in etcd; ``prefix`` is that of records."""
    path = f"{quote(key.cluster_id, safe='')}/{quote(key.affiliate_id, safe='')}"
    return prefix + path.encode()


def record_key_from_etcd_key(prefix: bytes, raw: bytes) -> RecordKey | None:
    """Return whose record a key holds; None if we would never write such a key."""
    try:
        parts = raw.removeprefix(prefix).decode("ascii").split("/")
        ids = [unquote(part, errors="strict") for part in parts]
    except UnicodeDecodeError:
        return None
    if len(ids) != 2:
        return None
    key = RecordKey(*ids)
    if not _are_ids(key) or etcd_key_from_record_key(prefix, key) != raw:
        return None
    return key


def _are_ids(key: RecordKey) -> bool:
    cluster_bytes = len(key.cluster_id.encode())
    affiliate_bytes = len(key.affiliate_id.encode())
    return (
        1 <= cluster_bytes <= CLUSTER_ID_BYTES_MAX
        and 1 <= affiliate_bytes <= AFFILIATE_ID_BYTES_MAX
    )
