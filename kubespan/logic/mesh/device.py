"""The mesh link: how it is configured, addressed and who its peers are.

Source:
    kubespan.md sections 4.5 and 4.6.
"""

from collections.abc import Iterable
from ipaddress import IPv6Interface

from kubespan.model.config import Config
from kubespan.model.constants import KEEPALIVE_S, LINK_NAME, MARK_WIREGUARD
from kubespan.model.endpoint import Endpoint
from kubespan.model.identity import MeshIdentity
from kubespan.model.keys import PublicKey, SecretKey
from kubespan.model.network import AddressSpec, LinkSpec
from kubespan.model.peer import PeerSpec
from kubespan.model.wireguard import WireGuardPeer, WireGuardSpec


def mesh_link(config: Config) -> LinkSpec:
    """Return the link."""
    return LinkSpec(LINK_NAME, config.kubespan.mtu_bytes, config.host.wireguard)


def mesh_link_address(mesh: MeshIdentity) -> AddressSpec:
    """Return our mesh address with the length of the mesh prefix.

    The connected route that comes with it carries all traffic between mesh addresses.
    """
    return AddressSpec(LINK_NAME, IPv6Interface((mesh.ip, mesh.subnet.prefixlen)))


def wireguard_peer(
    spec: PeerSpec,
    endpoint: Endpoint | None,
    secret: SecretKey,
    handshake_ns: int | None = None,
) -> WireGuardPeer:
    """Return how a peer is configured; without an endpoint the device keeps its own.

    Args:
        spec: the peer.
        endpoint: where it is tried.
        secret: of the cluster.
        handshake_ns: its last handshake when `endpoint` was chosen.
    """
    return WireGuardPeer(
        public_key=spec.public_key,
        preshared_key=secret,
        allowed_ips=spec.allowed_ips,
        endpoint=endpoint,
        keepalive_s=KEEPALIVE_S,
        endpoint_if_handshake_ns=handshake_ns,
    )


def wireguard_spec(
    mesh: MeshIdentity,
    listen_port: int,
    peers: Iterable[WireGuardPeer],
    kept: Iterable[PublicKey] = (),
) -> WireGuardSpec:
    """Return the device.

    Args:
        mesh: whose private key it has.
        listen_port: UDP.
        peers: sorted by public key text.
        kept: keys of peers that stay on the device as they are.
    """
    return WireGuardSpec(
        link=LINK_NAME,
        private_key=mesh.private_key,
        listen_port=listen_port,
        mark=MARK_WIREGUARD,
        peers=tuple(peers),
        kept=frozenset(kept),
    )
