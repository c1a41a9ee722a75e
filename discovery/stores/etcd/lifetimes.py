"""What two tellings of one record say together; pure."""

from dataclasses import replace

from discovery.state.affiliate import Affiliate, Endpoint
from discovery.state.limits import ENDPOINTS_MAX

# A change takes milliseconds from the replica that wrote it to all others. Without this
# rule, each such way would be added to the life of everything the change did not touch.
# Nothing is removed until it is overdue by as much, so nothing ever goes early.
WAY_NS = 100_000_000


def settle_record(known: Affiliate | None, arrived: Affiliate) -> Affiliate:
    """Return a record that arrived, without the time it was on its way.

    What seems to live longer by no more than the way takes lives as long as known.
    """
    if known is None:
        return arrived
    expiry_by_data = {e.data: e.expires_ns for e in known.endpoints}
    return replace(
        arrived,
        expires_ns=_settle(known.expires_ns, arrived.expires_ns),
        endpoints=tuple(
            Endpoint(e.data, _settle(expiry_by_data.get(e.data), e.expires_ns))
            for e in arrived.endpoints
        ),
    )


def extend_record(stored: Affiliate | None, remembered: Affiliate) -> Affiliate:
    """Return a stored record that lives as long as a remembered one says, at least.

    Whoever changed the data meanwhile knew better; endpoints that were removed
    meanwhile come back, as far as there is room.
    """
    if stored is None:
        return remembered
    expiry_by_data = {e.data: e.expires_ns for e in stored.endpoints}
    for endpoint in remembered.endpoints:
        known_ns = expiry_by_data.get(endpoint.data, endpoint.expires_ns)
        expiry_by_data[endpoint.data] = max(known_ns, endpoint.expires_ns)
    endpoints = [Endpoint(data, expiry) for data, expiry in expiry_by_data.items()]
    return replace(
        stored,
        expires_ns=max(stored.expires_ns, remembered.expires_ns),
        endpoints=tuple(endpoints[:ENDPOINTS_MAX]),
    )


def _settle(known_ns: int | None, arrived_ns: int) -> int:
    if known_ns is not None and 0 <= arrived_ns - known_ns <= WAY_NS:
        return known_ns
    return arrived_ns
