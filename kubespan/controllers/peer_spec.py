"""Affiliates with a WireGuard key are peers, with disjoint allowed IPs.

Source:
    kubespan.md section 4.1.
"""

from collections.abc import Iterable
from functools import partial

from kubespan.engine.controller import Controller, View
from kubespan.logic.peers.specs import claim_from_affiliate, settle_claims
from kubespan.model.affiliate import Affiliate
from kubespan.model.config import Config
from kubespan.model.identity import MeshIdentity
from kubespan.model.peer import PeerSpec


def reconcile(view: View) -> Iterable[PeerSpec] | None:
    """Return the peers; none while KubeSpan is off."""
    config, mesh = view.one(Config), view.one(MeshIdentity)
    if config is None:
        return None
    if mesh is None:
        return ()
    filters = config.kubespan.peer_endpoint_filters
    claims = (
        view.remember(
            affiliate.node_id,
            (affiliate, mesh, filters),
            partial(claim_from_affiliate, affiliate, mesh, filters),
        )
        for affiliate in view.all(Affiliate)
    )
    peers = settle_claims(claim for claim in claims if claim is not None)
    for node_id, complaint in peers.complaints.items():
        view.warn(node_id, complaint)
    return peers.specs


PEER_SPEC = Controller(
    name="peer_spec",
    reads=(Config, MeshIdentity, Affiliate),
    writes=PeerSpec,
    reconcile=reconcile,
)
