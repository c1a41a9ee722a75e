"""What one push consists of: our own record first, then endpoints seen of others."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from kubespan.model.constants import (
    AFFILIATE_DATA_MAX_BYTES,
    ENDPOINT_BLOB_MAX_BYTES,
    ENDPOINTS_MAX,
    ID_MAX_BYTES,
)
from kubespan.protocol.discovery_records import Update


@dataclass(frozen=True, slots=True)
class Batch:
    """Updates to send one after another, and what had to be left out of them.

    Attributes:
        updates: ours first, the others in the order given; empty when our own
            record would be refused.
        problems: one line each, for the operator.
    """

    updates: tuple[Update, ...]
    problems: tuple[str, ...] = ()


def build_batch(own: Update, others: Mapping[str, Iterable[bytes]]) -> Batch:
    """Return what services accept of ``own`` and of the others' endpoints.

    Args:
        own: our ID, sealed data and sealed endpoints.
        others: sealed endpoints by affiliate ID, in the order they are to be sent;
            our own ID is left out.

    Source:
        kubespan.md section 3.8 for the limits.
    """
    if problem := _reason_to_refuse(own):
        return Batch((), (problem,))
    kept, problems = _keep_valid_endpoints(own)
    updates = [kept]
    for affiliate_id, blobs in others.items():
        other, _ = _keep_valid_endpoints(Update(affiliate_id, endpoints=tuple(blobs)))
        refused = affiliate_id == own.affiliate_id or _reason_to_refuse(other)
        if other.endpoints and not refused:
            updates.append(other)
    return Batch(tuple(updates), problems)


def _reason_to_refuse(update: Update) -> str:
    """Return why services would refuse the whole record; empty if they would not."""
    id_bytes = len(update.affiliate_id.encode())
    if not 1 <= id_bytes <= ID_MAX_BYTES:
        return f"node ID: {id_bytes} bytes, services accept 1 to {ID_MAX_BYTES}"
    if len(update.data) > AFFILIATE_DATA_MAX_BYTES:
        return (
            f"our affiliate: {len(update.data)} bytes sealed, services accept"
            f" {AFFILIATE_DATA_MAX_BYTES}; announce fewer addresses or networks"
        )
    return ""


def _keep_valid_endpoints(update: Update) -> tuple[Update, tuple[str, ...]]:
    """Drop empty, long, repeated and excess endpoints: one bad one spoils a push."""
    unique = tuple(dict.fromkeys(update.endpoints))
    fitting = [blob for blob in unique if 1 <= len(blob) <= ENDPOINT_BLOB_MAX_BYTES]
    problems = []
    if dropped := len(unique) - len(fitting):
        problems.append(
            f"{dropped} endpoints are not 1 to {ENDPOINT_BLOB_MAX_BYTES} bytes sealed"
            " and were not announced"
        )
    if len(fitting) > ENDPOINTS_MAX:
        problems.append(
            f"{len(fitting)} endpoints, services accept {ENDPOINTS_MAX}: the last"
            f" {len(fitting) - ENDPOINTS_MAX} were not announced"
        )
    kept = Update(update.affiliate_id, update.data, tuple(fitting[:ENDPOINTS_MAX]))
    return kept, tuple(problems)
