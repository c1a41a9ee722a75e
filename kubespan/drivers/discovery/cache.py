"""What a discovery service told us, kept on disk.

So that a reboot during an outage comes back with its last peers. Everything is sealed
as received: the file holds no plain text.

::

    kubespan discovery cache 1
    <SHA-256 of the rest, hex>
    {"records": [{"id": ..., "data": base64, "endpoints": [base64], "missing": ns}]}
"""

import base64
import binascii
import hashlib
import json
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from kubespan.drivers.atomic_file import read_file, replace_file
from kubespan.errors import StateError
from kubespan.protocol.discovery_records import KeptRecord, SealedRecord
from kubespan.protocol.discovery_roster import ENTRIES_MAX

CACHE_MAX_BYTES: Final = 32 << 20
HEADER: Final = b"kubespan discovery cache 1\n"


class DiscoveryCache:
    """The file of one service and one cluster.

    Args:
        state_dir: where it lives.
        service: the service's name.
        cluster_id: another cluster has another file.
    """

    def __init__(self, state_dir: Path, service: str, cluster_id: str) -> None:
        name = hashlib.sha256(f"{service}\0{cluster_id}".encode()).hexdigest()[:32]
        self.path = state_dir / f"discovery-{name}.cache"
        self._lock = threading.Lock()
        self._written = 0

    def load(self) -> tuple[KeptRecord, ...]:
        """Return what was saved, the longest missing first; nothing without a file.

        Raises:
            StateError: the file is not one of ours, or was damaged.
        """
        raw = read_file(self.path, CACHE_MAX_BYTES)
        if raw is None:
            return ()
        try:
            records = decode_cache(raw)
        except (
            ValueError,
            TypeError,
            KeyError,
            AttributeError,
            RecursionError,
        ) as error:
            raise StateError(f"{self.path}: damaged; ignored") from error
        return tuple(sorted(records, key=lambda record: record.missing_since_ns))

    def save(self, records: Iterable[KeptRecord], number: int) -> None:
        """Replace the file; may run in any thread.

        Args:
            records: everything to keep.
            number: grows with every call; a late call with a lower one does nothing.

        Raises:
            StateError: the disk refused; the old file is still there.
        """
        content = encode_cache(records)
        with self._lock:
            if number > self._written:
                replace_file(self.path, content)
                self._written = number


def encode_cache(records: Iterable[KeptRecord]) -> bytes:
    """Return the content of the file."""
    body = json.dumps({"records": [_document(record) for record in records]}).encode()
    return HEADER + hashlib.sha256(body).hexdigest().encode() + b"\n" + body


def decode_cache(raw: bytes) -> list[KeptRecord]:
    """Return what was encoded, at most 4096 records.

    Raises:
        ValueError, TypeError, KeyError, AttributeError, RecursionError: damaged.
    """
    header, digest, body = raw.split(b"\n", 2)
    if header + b"\n" != HEADER:
        raise ValueError("not a discovery cache")
    if hashlib.sha256(body).hexdigest().encode() != digest:
        raise ValueError("checksum differs")
    return [_record(item) for item in json.loads(body)["records"][:ENTRIES_MAX]]


def _document(record: KeptRecord) -> dict[str, Any]:
    return {
        "id": record.sealed.affiliate_id,
        "data": _text(record.sealed.data),
        "endpoints": [_text(blob) for blob in record.sealed.endpoints],
        "missing": record.missing_since_ns,
    }


def _record(item: dict[str, Any]) -> KeptRecord:
    sealed = SealedRecord(
        affiliate_id=str(item["id"]),
        data=_blob(item["data"]),
        endpoints=tuple(_blob(text) for text in item["endpoints"]),
    )
    return KeptRecord(sealed, int(item["missing"]))


def _text(blob: bytes) -> str:
    return base64.b64encode(blob).decode()


def _blob(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise ValueError("not base64") from error
