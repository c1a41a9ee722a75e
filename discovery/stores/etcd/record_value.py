"""A record as the value of a key; pure.

The message is that of one affiliate in a snapshot file, but lifetimes are exact to
the nanosecond. They are what is left at the moment of writing; who reads counts from
the moment of reading, and so no two clocks are compared.
"""

from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import DecodeError

from discovery.api.storage_pb2 import AffiliateSnapshot, EndpointSnapshot
from discovery.state.affiliate import Affiliate, Endpoint
from discovery.state.limits import (
    AFFILIATE_DATA_BYTES_MAX,
    ENDPOINT_BYTES_MAX,
    ENDPOINTS_MAX,
    NS_PER_S,
    TTL_NS_MAX,
)

# However long ago something ran out, it has run out: a lifetime may be minus any
# number a client likes, which no message could hold after a while.
OVERDUE_NS_MAX = NS_PER_S


class UnreadableRecord(Exception):  # noqa: N818 - says what a value is
    """A value is no record; somebody else wrote it."""


def encode_record(affiliate: Affiliate, now_ns: int) -> bytes:
    """Return the value for a record, its lifetimes as of now."""
    endpoints = [
        EndpointSnapshot(data=e.data, ttl=_ttl(e.expires_ns, now_ns))
        for e in affiliate.endpoints
    ]
    return AffiliateSnapshot(
        id=affiliate.id,
        data=affiliate.data,
        ttl=_ttl(affiliate.expires_ns, now_ns),
        endpoints=endpoints,
    ).SerializeToString()


def decode_record(raw: bytes, affiliate_id: str, now_ns: int) -> Affiliate:
    """Return the record in a value; nothing in it lives longer than 30 minutes.

    Args:
        raw: the value.
        affiliate_id: whose record it should be, from its key.
        now_ns: when it was read, monotonic.

    Raises:
        UnreadableRecord: it is not a record such as we write.
    """
    try:
        message = AffiliateSnapshot.FromString(raw)
    except DecodeError as error:
        raise UnreadableRecord("not a message") from error
    if message.id != affiliate_id:
        raise UnreadableRecord("of another affiliate than its key says")
    if len(message.data) > AFFILIATE_DATA_BYTES_MAX:
        raise UnreadableRecord("too much data")
    return Affiliate(
        id=affiliate_id,
        data=message.data,
        expires_ns=_expires_ns(message.ttl, now_ns),
        endpoints=_endpoints(message, now_ns),
    )


def _endpoints(message: AffiliateSnapshot, now_ns: int) -> tuple[Endpoint, ...]:
    distinct = {endpoint.data for endpoint in message.endpoints}
    if len(distinct) != len(message.endpoints) or len(distinct) > ENDPOINTS_MAX:
        raise UnreadableRecord("endpoints repeat, or are too many")
    if not all(1 <= len(data) <= ENDPOINT_BYTES_MAX for data in distinct):
        raise UnreadableRecord("an endpoint is too short or too long")
    return tuple(
        Endpoint(endpoint.data, _expires_ns(endpoint.ttl, now_ns))
        for endpoint in message.endpoints
    )


def _ttl(expires_ns: int, now_ns: int) -> Duration:
    left_ns = max(expires_ns - now_ns, -OVERDUE_NS_MAX)
    seconds, nanos = divmod(abs(left_ns), NS_PER_S)
    sign = -1 if left_ns < 0 else 1  # both parts have the sign of the whole
    return Duration(seconds=sign * seconds, nanos=sign * nanos)


def _expires_ns(ttl: Duration, now_ns: int) -> int:
    left_ns = ttl.seconds * NS_PER_S + ttl.nanos
    return now_ns + max(min(left_ns, TTL_NS_MAX), -OVERDUE_NS_MAX)
