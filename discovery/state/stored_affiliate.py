"""One affiliate as snapshot and log have it: lifetimes are what is left of them.

Source: discovery.md 1.4, 4.1-4.3.
"""

from google.protobuf.duration_pb2 import Duration

from discovery.api import storage_pb2 as pb
from discovery.state.affiliate import Affiliate, Endpoint
from discovery.state.limits import ENDPOINTS_MAX, NS_PER_S
from discovery.state.revival import Revival

# The reference checks no limit when it loads; four times what it can ever hold keeps a
# hostile file from filling the memory.
ENDPOINTS_READ_MAX = 4 * ENDPOINTS_MAX


class TooMuch(ValueError):  # noqa: N818 - what is wrong with the bytes, not with us
    """More than could ever have been stored."""


def message_from_affiliate(
    affiliate: Affiliate, now_ns: int, *, whole_seconds: bool
) -> pb.AffiliateSnapshot:
    """Return the stored form of a record.

    Args:
        affiliate: the record.
        now_ns: monotonic.
        whole_seconds: truncate lifetimes toward zero, as the snapshot of the reference
            does; else they are exact.
    """
    message = pb.AffiliateSnapshot(id=affiliate.id, data=affiliate.data)
    for endpoint in affiliate.endpoints:
        stored = message.endpoints.add(data=endpoint.data)
        _set_duration(stored.ttl, endpoint.expires_ns - now_ns, whole=whole_seconds)
    _set_duration(message.ttl, affiliate.expires_ns - now_ns, whole=whole_seconds)
    return message


def affiliate_from_message(
    message: pb.AffiliateSnapshot, revival: Revival
) -> Affiliate:
    """Return the record of a stored form.

    Of equal endpoints the longest life counts. A lifetime that is absent is over.

    Raises:
        TooMuch: more endpoints than any record has.
    """
    if len(message.endpoints) > ENDPOINTS_READ_MAX:
        raise TooMuch(f"an affiliate with {len(message.endpoints)} endpoints")
    expiry_by_data: dict[bytes, int] = {}
    for stored in message.endpoints:
        expires_ns = revival.expires_ns(_remaining_ns(stored, revival))
        expires_ns = max(expiry_by_data.get(stored.data, expires_ns), expires_ns)
        expiry_by_data[stored.data] = expires_ns
    return Affiliate(
        message.id,
        message.data,
        revival.expires_ns(_remaining_ns(message, revival)),
        tuple(Endpoint(data, expiry) for data, expiry in expiry_by_data.items()),
    )


def _remaining_ns(
    stored: pb.AffiliateSnapshot | pb.EndpointSnapshot, revival: Revival
) -> int:
    if stored.HasField("ttl"):
        return stored.ttl.seconds * NS_PER_S + stored.ttl.nanos
    if stored.HasField("expiration"):  # before v1.0.17
        instant_ns = stored.expiration.seconds * NS_PER_S + stored.expiration.nanos
        return instant_ns - revival.written_at_ns
    return -1


def _set_duration(field: Duration, left_ns: int, *, whole: bool) -> None:
    sign = -1 if left_ns < 0 else 1
    seconds, nanos = divmod(abs(left_ns), NS_PER_S)
    field.SetInParent()  # zero is a lifetime too, and not the same as none
    field.seconds = sign * seconds
    if not whole:
        field.nanos = sign * nanos
