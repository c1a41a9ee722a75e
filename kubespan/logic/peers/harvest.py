"""Endpoints that live handshakes revealed, for other nodes to try.

Source:
    kubespan.md section 5.
"""

from collections.abc import Iterable, Mapping

from kubespan.model.affiliate import Affiliate
from kubespan.model.peer import HarvestedEndpoint, PeerState, PeerStatus


def node_id_by_key(affiliates: Iterable[Affiliate]) -> dict[str, str]:
    """Return who has a public key; of several affiliates the last.

    Args:
        affiliates: sorted by node ID.
    """
    return {
        affiliate.kubespan.public_key: affiliate.node_id
        for affiliate in affiliates
        if affiliate.kubespan.public_key
    }


def harvest_endpoints(
    statuses: Iterable[PeerStatus], owner_by_key: Mapping[str, str]
) -> list[HarvestedEndpoint]:
    """Return the endpoint of every peer that is up and whose affiliate is known."""
    return [
        HarvestedEndpoint(status.public_key, owner_by_key[key], status.endpoint)
        for status in statuses
        if status.state is PeerState.UP and status.endpoint is not None
        if (key := status.key) in owner_by_key
    ]
