"""Values that are valid by default; a test says only what matters to it."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import replace
from ipaddress import IPv6Address, IPv6Interface, ip_address, ip_interface, ip_network
from typing import Any

from kubespan.engine.controller import Controller, Memo, View
from kubespan.engine.store import Store
from kubespan.model.address import IPAddress, Network, Prefix
from kubespan.model.affiliate import (
    Affiliate,
    KubeSpanAffiliate,
    LocalAffiliate,
    MachineType,
    RawAffiliate,
    Registry,
    RegistryAffiliate,
)
from kubespan.model.config import (
    Config,
    DiscoveryService,
    DiscoverySettings,
    HostSettings,
    KubeSpanSettings,
)
from kubespan.model.endpoint import Endpoint
from kubespan.model.host import HostAddress, HostFacts, HostLink, Scope
from kubespan.model.identity import MeshIdentity, NodeIdentity
from kubespan.model.keys import PublicKey, SecretKey
from kubespan.model.peer import PeerSpec, PeerState, PeerStatus
from kubespan.model.wireguard import WireGuardDevice, WireGuardPeerSeen

NOW_S = 1000.0
NOW_NS = 1_700_000_000_000_000_000
CLUSTER_ID = "8XuV9TZHW08DOk3bVxQjH9ih_TBKjnh-j44tsCLSBzo="  # kubespan.md 1.5
CLUSTER_SECRET = "kCQsKr4B28VUl7qw1sVkTDNF9fFH++ViIuKsss+C6kc="
MAC = bytes.fromhex("2e1ab6538169")  # kubespan.md 1.6
SUBNET = ip_network("fd7f:175a:b97c:5602::/64")
OWN_MESH_IP = IPv6Address("fd7f:175a:b97c:5602:2c1a:b6ff:fe53:8169")


def a_public_key(name: str | int = "peer") -> PublicKey:
    """Return a key that is always the same for a name."""
    return PublicKey(hashlib.sha256(f"public {name}".encode()).digest())


def a_secret(name: str = "secret") -> SecretKey:
    return SecretKey(hashlib.sha256(f"secret {name}".encode()).digest())


def ips(*texts: str) -> tuple[IPAddress, ...]:
    return tuple(map(ip_address, texts))


def prefixes(*texts: str) -> tuple[Prefix, ...]:
    return tuple(map(ip_interface, texts))


def networks(*texts: str) -> tuple[Network, ...]:
    return tuple(map(ip_network, texts))


def endpoints(*texts: str) -> tuple[Endpoint, ...]:
    return tuple(map(Endpoint.from_text, texts))


def a_mesh_ip(number: int) -> IPv6Address:
    """Return a mesh address of the builders' cluster."""
    return SUBNET[number]


def an_affiliate(node_id: str = "node-b", **changes: Any) -> Affiliate:
    """Return a worker; keyword ``kubespan`` for its mesh part."""
    values = {
        "addresses": ips("192.0.2.7"),
        "hostname": f"{node_id}.example",
        "nodename": node_id,
        "operating_system": "Debian GNU/Linux 12 (bookworm)",
        "machine_type": MachineType.WORKER,
        "kubespan": a_mesh_part(node_id),
    }
    return Affiliate(node_id, **{**values, **changes})


def a_mesh_part(name: str | int = "node-b", **changes: Any) -> KubeSpanAffiliate:
    digest = hashlib.sha256(f"host {name}".encode()).digest()
    values = {
        "public_key": str(a_public_key(name)),
        "address": a_mesh_ip(int.from_bytes(digest[:8])),
        "endpoints": endpoints("192.0.2.7:51820"),
    }
    return KubeSpanAffiliate(**{**values, **changes})


def said(
    affiliate: Affiliate, source: str = "default", **changes: Any
) -> RegistryAffiliate:
    """Return what one registry instance says."""
    values = {"registry": Registry.SERVICE, **changes}
    return RegistryAffiliate(source=source, affiliate=affiliate, **values)


def raw(affiliate: Affiliate, registry: Registry = Registry.SERVICE) -> RawAffiliate:
    return RawAffiliate(registry, affiliate)


def a_local_affiliate(**changes: Any) -> LocalAffiliate:
    return LocalAffiliate(an_affiliate("node-a", **changes))


def a_service(name: str = "default") -> DiscoveryService:
    return DiscoveryService(name, "discovery.example:443", plaintext=False)


def a_config(
    kubespan: dict[str, Any] | None = None,
    discovery: dict[str, Any] | None = None,
    host: dict[str, Any] | None = None,
) -> Config:
    """Return a configuration with KubeSpan on; each section takes changes."""
    identity = {
        "cluster_id": CLUSTER_ID,
        "cluster_secret": SecretKey.from_base64(CLUSTER_SECRET),
        "services": (a_service(),),
    }
    return Config(
        kubespan=KubeSpanSettings(**{"enabled": True, **(kubespan or {})}),
        discovery=DiscoverySettings(**{**identity, **(discovery or {})}),
        host=HostSettings(**(host or {})),
    )


def a_link(name: str = "eth0", **changes: Any) -> HostLink:
    values = {"kind": "", "ethernet": True, "hardware_address": MAC, "up": True}
    return HostLink(name, **{**values, **changes})


def host_facts(
    *addresses: str, links: Sequence[HostLink] | None = None, **changes: Any
) -> HostFacts:
    """Return a host with one physical link that has these addresses."""
    given = addresses or ("192.0.2.2/24",)
    values = {
        "hostname": "node-a",
        "domainname": "",
        "operating_system": "Debian GNU/Linux 12 (bookworm)",
    }
    on_link = tuple(
        HostAddress("eth0", ip_interface(text), Scope.GLOBAL) for text in given
    )
    found = (a_link(),) if links is None else tuple(links)
    return HostFacts(**{**values, **changes}, links=found, addresses=on_link)


def a_node_identity(node_id: str = "node-a") -> NodeIdentity:
    return NodeIdentity(node_id, a_secret("private"), a_public_key("own"))


def a_mesh_identity(**changes: Any) -> MeshIdentity:
    values = {
        "address": IPv6Interface((OWN_MESH_IP, 128)),
        "subnet": SUBNET,
        "private_key": a_secret("private"),
        "public_key": a_public_key("own"),
        "cluster_id": CLUSTER_ID,
        "from_hardware": True,
    }
    return MeshIdentity(**{**values, **changes})


def a_peer_spec(name: str = "node-b", **changes: Any) -> PeerSpec:
    values = {
        "public_key": a_public_key(name),
        "node_id": name,
        "address": a_mesh_ip(7),
        "allowed_ips": networks("192.0.2.7/32", f"{a_mesh_ip(7)}/128"),
        "endpoints": endpoints("192.0.2.7:51820"),
        "label": name,
        "hostname": f"{name}.example",
    }
    return PeerSpec(**{**values, **changes})


def a_peer_status(name: str = "node-b", **changes: Any) -> PeerStatus:
    """Return the status of a peer that is up."""
    endpoint = Endpoint.from_text("192.0.2.7:51820")
    values = {
        "public_key": a_public_key(name),
        "label": name,
        "endpoint": endpoint,
        "state": PeerState.UP,
        "last_handshake_ns": NOW_NS - 10_000_000_000,
        "handshake_s": NOW_S - 10,
        "last_used_endpoint": endpoint,
        "last_endpoint_change_ns": NOW_NS - 400_000_000_000,
        "endpoint_changed_s": NOW_S - 400,
        "asserted_endpoint": endpoint,
    }
    return PeerStatus(**{**values, **changes})


def a_seen_peer(name: str = "node-b", **changes: Any) -> WireGuardPeerSeen:
    """Return a peer of the device that shook hands ten seconds ago."""
    values = {
        "endpoint": Endpoint.from_text("192.0.2.7:51820"),
        "last_handshake_ns": NOW_NS - 10_000_000_000,
    }
    return WireGuardPeerSeen(a_public_key(name), **{**values, **changes})


def a_device(*peers: WireGuardPeerSeen, **changes: Any) -> WireGuardDevice:
    values = {"link": "kubespan", "observed_s": NOW_S, "present": True}
    return WireGuardDevice(**{**values, **changes}, peers=peers)


def a_mesh_of(count: int) -> list[Affiliate]:
    """Return nodes with three prefixes each that do not overlap."""
    return [
        an_affiliate(
            f"node-{number:05d}",
            addresses=ips(f"172.20.{number >> 8}.{number & 255}"),
            kubespan=a_mesh_part(
                number,
                additional_addresses=prefixes(f"10.{number >> 8}.{number & 255}.0/24"),
                endpoints=endpoints(f"172.20.{number >> 8}.{number & 255}:51820"),
            ),
        )
        for number in range(count)
    ]


def run_controller(
    controller: Controller,
    *resources: Any,
    now_s: float = NOW_S,
    now_ns: int = NOW_NS,
    memo: Memo | None = None,
) -> tuple[list[Any] | None, dict[str, str]]:
    """Return what a controller decides when it sees these, and its notices."""
    store = Store()
    put_all(store, resources)
    view = View(store, controller.reads, now_s, now_ns, memo)
    output = controller.reconcile(view)
    decided = None if output is None else sorted(output, key=lambda item: item.key)
    return decided, view.notices


def put_all(store: Store, resources: Iterable[Any], now_ns: int = NOW_NS) -> None:
    """Store resources of any kinds."""
    by_kind: dict[type, list[Any]] = {}
    for resource in resources:
        by_kind.setdefault(type(resource), []).append(resource)
    for kind, values in by_kind.items():
        store.replace(kind, "test", values, now_ns)


def changed(value: Any, **changes: Any) -> Any:
    """Return a frozen value with some of it changed."""
    return replace(value, **changes)
