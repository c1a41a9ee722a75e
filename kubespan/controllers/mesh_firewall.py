"""What the packet filter forces into the mesh.

Source:
    kubespan.md sections 4.8 and 4.9.
"""

from collections.abc import Iterable
from functools import partial

from kubespan.engine.controller import Controller, View
from kubespan.logic.mesh.firewall import (
    NetworkBySpan,
    bypass_endpoints,
    firewall_spec,
    merge_routed,
    qualifying_peers,
    routed_networks_of,
)
from kubespan.model.address import Network
from kubespan.model.config import Config
from kubespan.model.endpoint import Endpoint
from kubespan.model.firewall import FirewallSpec
from kubespan.model.host import HostFacts
from kubespan.model.identity import MeshIdentity
from kubespan.model.peer import KeptPeer, PeerSpec, PeerStatus
from kubespan.model.registry import ServiceAddress


def reconcile(view: View) -> Iterable[FirewallSpec] | None:
    """Return the two chains' content; none while KubeSpan is off."""
    config, mesh = view.one(Config), view.one(MeshIdentity)
    if config is None:
        return None
    if mesh is None:
        return ()
    specs = qualifying_peers(
        view.all(PeerSpec),
        view.by_key(PeerStatus),
        bypass_down=config.kubespan.allow_down_peer_bypass,
    )
    routed = _routed(view, specs, view.all(KeptPeer))
    return (
        firewall_spec(
            config.host.nft_table,
            routed,
            config.kubespan.mtu_bytes,
            _bypass(view, routed),
        ),
    )


def _routed(
    view: View, specs: tuple[PeerSpec, ...], kept: tuple[KeptPeer, ...]
) -> tuple[Network, ...]:
    """Return the routed set; computed anew only for what changed."""
    peers: tuple[PeerSpec | KeptPeer, ...] = (*specs, *kept)
    parts: list[NetworkBySpan] = [
        view.remember(
            peer.key,
            peer.allowed_ips,
            partial(routed_networks_of, peer.allowed_ips),
        )
        for peer in peers
    ]
    inputs = tuple(peer.allowed_ips for peer in peers)
    return view.remember("routed", inputs, partial(merge_routed, parts))


def _bypass(view: View, routed: tuple[Network, ...]) -> tuple[Endpoint, ...]:
    """Return what is never forced; computed anew only when something changed."""
    services, host = view.all(ServiceAddress), view.one(HostFacts)
    addresses = host.addresses if host else ()

    def compute() -> tuple[Endpoint, ...]:
        reached = [endpoint for one in services for endpoint in one.endpoints]
        return bypass_endpoints(reached, [on.address.ip for on in addresses], routed)

    return view.remember("bypass", (services, addresses, routed), compute)


MESH_FIREWALL = Controller(
    name="mesh_firewall",
    reads=(
        Config,
        MeshIdentity,
        PeerSpec,
        PeerStatus,
        KeptPeer,
        ServiceAddress,
        HostFacts,
    ),
    writes=FirewallSpec,
    reconcile=reconcile,
)
