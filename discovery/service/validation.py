"""From the bytes of a request to a request, or to the reason it is refused.

Pure. Lengths are lengths in bytes of UTF-8; there is no rule about characters.

Source: discovery.md 2.1, 2.3.
"""

from typing import TypeVar

from google.protobuf.message import DecodeError, Message

from discovery.api.cluster_pb2 import AffiliateUpdateRequest
from discovery.service.refusal import Exhausted, InvalidRequest, UnreadableRequest
from discovery.state.affiliate import Submission
from discovery.state.limits import (
    AFFILIATE_DATA_BYTES_MAX,
    AFFILIATE_ID_BYTES_MAX,
    CLUSTER_ID_BYTES_MAX,
    ENDPOINT_BYTES_MAX,
    ENDPOINTS_PER_REQUEST_MAX,
    NS_PER_S,
    TTL_NS_MAX,
)

Request = TypeVar("Request", bound=Message)


def decode_request(kind: type[Request], raw: bytes) -> Request:
    """Decode a request.

    Raises:
        UnreadableRequest: not such a message, or text that is not UTF-8.
    """
    try:
        return kind.FromString(raw)
    except DecodeError as error:
        raise UnreadableRequest(f"not a {kind.DESCRIPTOR.name}") from error


def validate_cluster_id(cluster_id: str) -> None:
    """Raise ``InvalidRequest`` unless it has 1 to 256 bytes."""
    _validate_id("cluster ID", cluster_id, CLUSTER_ID_BYTES_MAX)


def validate_affiliate_id(affiliate_id: str) -> None:
    """Raise ``InvalidRequest`` unless it has 1 to 256 bytes."""
    _validate_id("affiliate ID", affiliate_id, AFFILIATE_ID_BYTES_MAX)


def submission_from_request(request: AffiliateUpdateRequest) -> Submission:
    """Return what an update says, its endpoints distinct and in order.

    The order of the checks is part of the contract: cluster, affiliate, data,
    endpoints, lifetime.

    Raises:
        InvalidRequest: something is too long, too short or lives too long.
        Exhausted: more than 1024 endpoints, all of them repetitions at best.
    """
    validate_cluster_id(request.cluster_id)
    validate_affiliate_id(request.affiliate_id)
    if len(request.affiliate_data) > AFFILIATE_DATA_BYTES_MAX:
        raise InvalidRequest(
            f"affiliate data is longer than {AFFILIATE_DATA_BYTES_MAX} bytes"
        )
    return Submission(
        affiliate_id=request.affiliate_id,
        data=request.affiliate_data,
        endpoints=_endpoints_from_request(request),
        ttl_ns=_ttl_ns_from_request(request),
    )


def _validate_id(what: str, value: str, bytes_max: int) -> None:
    if not value:
        raise InvalidRequest(f"{what} is empty")
    if len(value) > bytes_max or len(value.encode()) > bytes_max:
        raise InvalidRequest(f"{what} is longer than {bytes_max} bytes")


def _endpoints_from_request(request: AffiliateUpdateRequest) -> tuple[bytes, ...]:
    """Endpoints of 1 to 32 bytes.

    An empty one crashes Go clients that receive it (discovery.md 5.4) and nobody has
    a use for it, so it is refused although the reference takes it.
    """
    submitted = request.affiliate_endpoints
    if len(submitted) > ENDPOINTS_PER_REQUEST_MAX:
        raise Exhausted(f"more than {ENDPOINTS_PER_REQUEST_MAX} endpoints at once")
    endpoints = tuple(dict.fromkeys(submitted))
    for endpoint in endpoints:
        if not 1 <= len(endpoint) <= ENDPOINT_BYTES_MAX:
            raise InvalidRequest(f"an endpoint has not 1 to {ENDPOINT_BYTES_MAX} bytes")
    return endpoints


def _ttl_ns_from_request(request: AffiliateUpdateRequest) -> int:
    """Lifetime in nanoseconds; absent is zero, negative is allowed."""
    ttl_ns = request.ttl.seconds * NS_PER_S + request.ttl.nanos
    if ttl_ns > TTL_NS_MAX:
        raise InvalidRequest(f"TTL is longer than {TTL_NS_MAX // NS_PER_S} s")
    return ttl_ns
