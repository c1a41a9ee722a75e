"""Model to management API messages; secrets never cross.

Source:
    kubespan.md section 7.
"""

from collections.abc import Iterable
from ipaddress import IPv4Interface, IPv6Address, IPv6Interface

from google.protobuf.timestamp_pb2 import Timestamp

from kubespan.api import management_pb2 as pb
from kubespan.engine.resource import EdgeStatus, Notice
from kubespan.model.address import IPAddress, Network, Prefix
from kubespan.model.affiliate import Affiliate, LocalAffiliate, RawAffiliate
from kubespan.model.affiliate import ControlPlane as ControlPlaneModel
from kubespan.model.affiliate import MachineType as MachineTypeModel
from kubespan.model.config import Config
from kubespan.model.daemon import DaemonStatus
from kubespan.model.endpoint import Endpoint
from kubespan.model.identity import MeshIdentity, NodeIdentity
from kubespan.model.member import Member
from kubespan.model.peer import (
    HarvestedEndpoint,
    PeerOutlook,
    PeerSpec,
    PeerStatus,
)
from kubespan.model.peer import (
    PeerState as PeerStateModel,
)
from kubespan.model.registry import PublicAddress, RegistryStatus
from kubespan.model.wireguard import DataPlane

REDACTED = "******"
NS_PER_S = 1_000_000_000

_STATES = {
    PeerStateModel.UNKNOWN: pb.unknown,
    PeerStateModel.UP: pb.up,
    PeerStateModel.DOWN: pb.down,
}
_MACHINE_TYPES = {
    MachineTypeModel.UNKNOWN: pb.TYPE_UNKNOWN,
    MachineTypeModel.INIT: pb.TYPE_INIT,
    MachineTypeModel.CONTROL_PLANE: pb.TYPE_CONTROLPLANE,
    MachineTypeModel.WORKER: pb.TYPE_WORKER,
}


def timestamp_from_ns(wall_ns: int) -> Timestamp | None:
    """Return nanoseconds since the epoch as a timestamp; 0 is "never", thus None."""
    if wall_ns == 0:
        return None
    return Timestamp(seconds=wall_ns // NS_PER_S, nanos=wall_ns % NS_PER_S)


def kubespan_config(config: Config) -> pb.KubeSpanConfig:
    """Return the KubeSpan settings of a configuration, secret redacted."""
    settings = config.kubespan
    return pb.KubeSpanConfig(
        enabled=settings.enabled,
        cluster_id=config.discovery.cluster_id,
        shared_secret=_redacted(config.discovery.cluster_secret is not None),
        force_routing=not settings.allow_down_peer_bypass,
        advertise_kubernetes_networks=settings.advertise_kubernetes_networks,
        mtu=settings.mtu_bytes,
        endpoint_filters=settings.endpoint_filters or (),
        harvest_extra_endpoints=settings.harvest_extra_endpoints,
        extra_endpoints=_ports(settings.extra_endpoints),
        exclude_advertised_networks=_prefixes(settings.exclude_advertised_networks),
    )


def discovery_config(config: Config) -> pb.DiscoveryConfig:
    """Return the discovery settings of a configuration, key redacted."""
    settings = config.discovery
    first = settings.services[0] if settings.services else None
    return pb.DiscoveryConfig(
        discovery_enabled=bool(settings.services) or settings.kubernetes_registry,
        registry_kubernetes_enabled=settings.kubernetes_registry,
        registry_service_enabled=bool(settings.services),
        service_endpoint=first.endpoint if first else "",
        service_endpoint_insecure=first.plaintext if first else False,
        service_encryption_key=_redacted(settings.cluster_secret is not None),
        service_cluster_id=settings.cluster_id,
        service_endpoints=[
            pb.DiscoveryService(name=s.name, endpoint=s.endpoint, insecure=s.plaintext)
            for s in settings.services
        ],
    )


def info(config: Config) -> pb.Info:
    """Return the cluster a configuration names."""
    return pb.Info(
        cluster_id=config.discovery.cluster_id, cluster_name=config.cluster_name
    )


def kubespan_identity(identity: MeshIdentity) -> pb.KubeSpanIdentity:
    """Return our place in the mesh, private key redacted."""
    return pb.KubeSpanIdentity(
        address=_prefix(identity.address),
        subnet=_prefix(identity.subnet),
        private_key=REDACTED,
        public_key=str(identity.public_key),
    )


def identity(identity: NodeIdentity) -> pb.Identity:
    """Return the node ID."""
    return pb.Identity(node_id=identity.node_id)


def peer_spec(spec: PeerSpec) -> pb.KubeSpanPeerSpec:
    """Return what is wanted of a peer."""
    return pb.KubeSpanPeerSpec(
        address=_ip(spec.address),
        allowed_ips=_prefixes(spec.allowed_ips),
        endpoints=_ports(spec.endpoints),
        label=spec.label,
    )


def peer_status(status: PeerStatus) -> pb.KubeSpanPeerStatus:
    """Return what was seen of a peer."""
    return pb.KubeSpanPeerStatus(
        endpoint=_port(status.endpoint),
        label=status.label,
        state=_STATES[status.state],
        receive_bytes=status.receive_bytes,
        transmit_bytes=status.transmit_bytes,
        last_handshake_time=timestamp_from_ns(status.last_handshake_ns),
        last_used_endpoint=_port(status.last_used_endpoint),
        last_endpoint_change=timestamp_from_ns(status.last_endpoint_change_ns),
    )


def harvested_endpoint(harvested: HarvestedEndpoint) -> pb.KubeSpanEndpoint:
    """Return an endpoint a live handshake revealed."""
    return pb.KubeSpanEndpoint(
        affiliate_id=harvested.affiliate_id, endpoint=_port(harvested.endpoint)
    )


def affiliate(value: Affiliate | LocalAffiliate | RawAffiliate) -> pb.Affiliate:
    """Return a node as discovery describes it, ourselves included."""
    node = value if isinstance(value, Affiliate) else value.affiliate
    kubespan = node.kubespan
    return pb.Affiliate(
        node_id=node.node_id,
        addresses=map(_ip, node.addresses),
        hostname=node.hostname,
        nodename=node.nodename or None,
        operating_system=node.operating_system,
        machine_type=_MACHINE_TYPES[node.machine_type],
        kubespan=pb.KubeSpanAffiliate(
            public_key=kubespan.public_key,
            address=_ip(kubespan.address),
            additional_addresses=_prefixes(kubespan.additional_addresses),
            endpoints=_ports(kubespan.endpoints),
            exclude_advertised_networks=_prefixes(kubespan.exclude_advertised_networks),
        ),
        control_plane=_control_plane(node.control_plane),
    )


def member(value: Member) -> pb.Member:
    """Return a node of the Kubernetes cluster."""
    return pb.Member(
        node_id=value.node_id,
        addresses=map(_ip, value.addresses),
        hostname=value.hostname,
        machine_type=_MACHINE_TYPES[value.machine_type],
        operating_system=value.operating_system,
        control_plane=_control_plane(value.control_plane),
    )


def address_status(public: PublicAddress) -> pb.AddressStatus:
    """Return our public address as a single-address prefix."""
    ip = public.address
    return pb.AddressStatus(
        address=pb.IPPrefix(ip=packed_from_ip(ip), prefix_length=ip.max_prefixlen)
    )


def peer_outlook(outlook: PeerOutlook) -> pb.PeerOutlook:
    """Return what people ask of a peer."""
    return pb.PeerOutlook(
        name=outlook.name,
        address=_ip(outlook.address),
        state=_STATES[outlook.state],
        endpoint=_port(outlook.endpoint),
        last_handshake_time=timestamp_from_ns(outlook.last_handshake_ns),
        receive_bytes=outlook.receive_bytes,
        transmit_bytes=outlook.transmit_bytes,
        reason=outlook.reason,
        next_endpoint=_port(outlook.next_endpoint),
        next_attempt=timestamp_from_ns(outlook.next_attempt_ns),
    )


def registry_status(status: RegistryStatus) -> pb.RegistryStatus:
    """Return how one registry instance is doing."""
    return pb.RegistryStatus(
        registry=status.registry.value,
        source=status.source,
        endpoint=status.endpoint,
        synced=status.synced,
        connected=status.connected,
        error=status.error,
        affiliates=status.affiliates,
        skipped=status.skipped,
        skipped_endpoints=status.skipped_endpoints,
        next_attempt=timestamp_from_ns(status.next_attempt_ns),
        last_push=timestamp_from_ns(status.last_push_ns),
    )


def edge_status(status: EdgeStatus) -> pb.EdgeStatus:
    """Return how a source or sink is doing."""
    return pb.EdgeStatus(
        error=status.error,
        attempts=status.attempts,
        next_attempt=timestamp_from_ns(status.next_attempt_ns),
    )


def notice(value: Notice) -> pb.Notice:
    """Return something an operator should know."""
    return pb.Notice(author=value.author, subject=value.subject, text=value.text)


def data_plane(plane: DataPlane) -> pb.DataPlane:
    """Return which WireGuard carries the mesh."""
    return pb.DataPlane(
        kind=plane.kind, program=plane.program, pid=plane.pid, reason=plane.reason
    )


def daemon_status(status: DaemonStatus) -> pb.DaemonStatus:
    """Return this run of the daemon."""
    return pb.DaemonStatus(
        version=status.version,
        pid=status.pid,
        started=timestamp_from_ns(status.started_ns),
        config_file=status.config_file,
        state_dir=status.state_dir,
    )


def packed_from_ip(ip: IPAddress) -> bytes:
    """Return 4 or 16 bytes, with the zone's text behind them if there is one."""
    zone = ip.scope_id if isinstance(ip, IPv6Address) else None
    return ip.packed + (zone or "").encode()


def _ip(ip: IPAddress | None) -> pb.IP:
    return pb.IP(ip=b"" if ip is None else packed_from_ip(ip))


def _port(endpoint: Endpoint | None) -> pb.IPPort | None:
    if endpoint is None:
        return None
    return pb.IPPort(ip=packed_from_ip(endpoint.ip), port=endpoint.port)


def _ports(endpoints: Iterable[Endpoint]) -> list[pb.IPPort]:
    return [
        pb.IPPort(ip=packed_from_ip(endpoint.ip), port=endpoint.port)
        for endpoint in endpoints
    ]


def _prefix(prefix: Prefix | Network) -> pb.IPPrefix:
    if isinstance(prefix, IPv4Interface | IPv6Interface):
        ip: IPAddress = prefix.ip
        return pb.IPPrefix(
            ip=packed_from_ip(ip), prefix_length=prefix.network.prefixlen
        )
    ip = prefix.network_address
    return pb.IPPrefix(ip=packed_from_ip(ip), prefix_length=prefix.prefixlen)


def _prefixes(prefixes: Iterable[Prefix | Network]) -> list[pb.IPPrefix]:
    return [_prefix(prefix) for prefix in prefixes]


def _control_plane(value: ControlPlaneModel | None) -> pb.ControlPlane | None:
    return None if value is None else pb.ControlPlane(port=value.port)


def _redacted(is_set: bool) -> str:
    return REDACTED if is_set else ""
