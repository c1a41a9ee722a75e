"""One node's record: an opaque blob, opaque endpoints, and when each runs out.

Values only: an update gives a new record or fails, so a failed one changes nothing.
"""

from dataclasses import dataclass, replace

from discovery.state.limits import ENDPOINTS_MAX, LimitExceeded


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One sealed endpoint; equal bytes are the same endpoint.

    Attributes:
        data: 1 to 32 bytes, opaque.
        expires_ns: monotonic.
    """

    data: bytes
    expires_ns: int


@dataclass(frozen=True, slots=True)
class Affiliate:
    """What is stored of one node.

    Attributes:
        id: 1 to 256 bytes as UTF-8.
        data: at most 2048 bytes; empty while only endpoints are known.
        expires_ns: monotonic; when the whole record runs out.
        endpoints: distinct, in order of insertion, at most 64.
    """

    id: str
    data: bytes
    expires_ns: int
    endpoints: tuple[Endpoint, ...]

    @property
    def size_bytes(self) -> int:
        """Its data and endpoints as they are told to others, without its ID."""
        return len(self.data) + sum(len(e.data) + 2 for e in self.endpoints)

    @property
    def due_ns(self) -> int:
        """Earliest instant at which a sweep could find something to remove."""
        return min([self.expires_ns, *(e.expires_ns for e in self.endpoints)])


@dataclass(frozen=True, slots=True)
class Submission:
    """What somebody says about an affiliate.

    Attributes:
        affiliate_id: whom it is about; anybody may speak for anybody.
        data: replaces the stored blob unless empty.
        endpoints: merged into the stored ones; distinct.
        ttl_ns: how long this is valid; may be zero or negative.
    """

    affiliate_id: str
    data: bytes
    endpoints: tuple[bytes, ...]
    ttl_ns: int


def merge_submission(
    stored: Affiliate | None, submission: Submission, now_ns: int
) -> Affiliate:
    """Return the record after a submission.

    New data sets the lifetime, also to a shorter one; anything else only extends it.

    Raises:
        LimitExceeded: it would have more than 64 endpoints.

    Source:
        discovery.md 2.3, without its partial failure.
    """
    expires_ns = now_ns + submission.ttl_ns
    if stored is None:
        stored = Affiliate(submission.affiliate_id, b"", expires_ns, ())
    endpoints = _merge_endpoints(stored.endpoints, submission.endpoints, expires_ns)
    if submission.data:
        return replace(
            stored, data=submission.data, expires_ns=expires_ns, endpoints=endpoints
        )
    lifetime_ns = max(stored.expires_ns, expires_ns)
    return replace(stored, expires_ns=lifetime_ns, endpoints=endpoints)


def sweep_affiliate(affiliate: Affiliate, now_ns: int) -> Affiliate | None:
    """Return what is left of a record now; None if it has run out.

    Returns:
        The very same object if nothing ran out.

    Source:
        discovery.md 2.4: the record strictly after its instant, endpoints at theirs.
    """
    if affiliate.expires_ns < now_ns:
        return None
    alive = tuple(e for e in affiliate.endpoints if e.expires_ns > now_ns)
    if len(alive) == len(affiliate.endpoints):
        return affiliate
    return replace(affiliate, endpoints=alive)


def says_the_same(one: Affiliate, other: Affiliate) -> bool:
    """Tell whether a watcher could not tell two records apart."""
    if one.data != other.data or len(one.endpoints) != len(other.endpoints):
        return False
    pairs = zip(one.endpoints, other.endpoints, strict=True)
    return all(a.data == b.data for a, b in pairs)


def _merge_endpoints(
    stored: tuple[Endpoint, ...], submitted: tuple[bytes, ...], expires_ns: int
) -> tuple[Endpoint, ...]:
    if not submitted:
        return stored
    expiry_by_data = {endpoint.data: endpoint.expires_ns for endpoint in stored}
    for data in submitted:
        known_ns = expiry_by_data.get(data, expires_ns)
        expiry_by_data[data] = max(known_ns, expires_ns)
    if len(expiry_by_data) > ENDPOINTS_MAX:
        raise LimitExceeded(f"an affiliate has at most {ENDPOINTS_MAX} endpoints")
    return tuple(Endpoint(data, expiry) for data, expiry in expiry_by_data.items())
