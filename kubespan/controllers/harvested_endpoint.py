"""Endpoints that live handshakes revealed, where harvesting is on.

Source:
    kubespan.md section 5.
"""

from collections.abc import Iterable

from kubespan.engine.controller import Controller, View
from kubespan.logic.peers.harvest import harvest_endpoints, node_id_by_key
from kubespan.model.affiliate import Affiliate
from kubespan.model.config import Config
from kubespan.model.peer import HarvestedEndpoint, PeerStatus


def reconcile(view: View) -> Iterable[HarvestedEndpoint] | None:
    """Return one endpoint per peer that is up."""
    config = view.one(Config)
    if config is None:
        return None
    settings = config.kubespan
    if not settings.enabled or not settings.harvest_extra_endpoints:
        return ()
    owners = node_id_by_key(view.all(Affiliate))
    return harvest_endpoints(view.all(PeerStatus), owners)


HARVESTED_ENDPOINT = Controller(
    name="harvested_endpoint",
    reads=(Config, Affiliate, PeerStatus),
    writes=HarvestedEndpoint,
    reconcile=reconcile,
)
