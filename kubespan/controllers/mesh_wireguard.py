"""The WireGuard device: our key, and every peer with its endpoint.

Source:
    kubespan.md section 4.5.
"""

from collections.abc import Iterable
from functools import partial

from kubespan.engine.controller import Controller, View
from kubespan.logic.mesh.device import (
    wireguard_peer,
    wireguard_spec,
)
from kubespan.model.config import Config
from kubespan.model.endpoint import Endpoint
from kubespan.model.identity import MeshIdentity
from kubespan.model.keys import SecretKey
from kubespan.model.peer import KeptPeer, PeerSpec, PeerStatus
from kubespan.model.wireguard import WireGuardPeer, WireGuardSpec


def reconcile(view: View) -> Iterable[WireGuardSpec] | None:
    """Return the device; none while KubeSpan is off or the cluster secret unknown."""
    config, mesh = view.one(Config), view.one(MeshIdentity)
    if config is None:
        return None
    secret = config.discovery.cluster_secret
    if mesh is None or secret is None:
        return ()
    spec = wireguard_spec(
        mesh,
        config.host.listen_port,
        _peers(view, secret),
        kept=[peer.public_key for peer in view.all(KeptPeer)],
    )
    return (spec,)


def _peers(view: View, secret: SecretKey) -> tuple[WireGuardPeer, ...]:
    """Return all peers; the very same objects while nothing of them changed."""
    statuses = view.by_key(PeerStatus)
    specs = view.all(PeerSpec)
    asserted = [_asserted(statuses.get(spec.key)) for spec in specs]
    return tuple(
        view.remember(
            spec.node_id,
            (spec, endpoint, secret, handshake_ns),
            partial(wireguard_peer, spec, endpoint, secret, handshake_ns),
        )
        for spec, (endpoint, handshake_ns) in zip(specs, asserted, strict=True)
    )


def _asserted(status: PeerStatus | None) -> tuple[Endpoint | None, int | None]:
    """Return the endpoint to give, and the last handshake it was chosen after."""
    if status is None or status.asserted_endpoint is None:
        return None, None
    return status.asserted_endpoint, status.last_handshake_ns


MESH_WIREGUARD = Controller(
    name="mesh_wireguard",
    reads=(Config, MeshIdentity, PeerSpec, PeerStatus, KeptPeer),
    writes=WireGuardSpec,
    reconcile=reconcile,
)
