"""What we say of ourselves.

Source:
    kubespan.md sections 2.2 and 2.4.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from kubespan.logic.identity.node_name import NodeNames
from kubespan.logic.peers.endpoints import announceable_ips, announced_endpoints
from kubespan.model.address import IPAddress, Prefix
from kubespan.model.affiliate import (
    Affiliate,
    ControlPlane,
    KubeSpanAffiliate,
    MachineType,
)
from kubespan.model.config import Config, DiscoveryService, HostSettings
from kubespan.model.endpoint import Endpoint
from kubespan.model.identity import MeshIdentity
from kubespan.model.registry import PublicAddress

_CONTROL_PLANES: Final = (MachineType.CONTROL_PLANE, MachineType.INIT)


@dataclass(frozen=True, slots=True)
class LocalNode:
    """What is known of this node besides its configuration.

    Attributes:
        mesh: None while KubeSpan is off.
        routed: addresses for others to send to (section 2.3, *routed-no-k8s*).
        current: addresses to be reached at (*current-no-k8s*).
        public: as discovery services saw us, in the order of preference.
        pod_networks: of our Kubernetes node; empty when unknown.
    """

    node_id: str
    names: NodeNames
    operating_system: str
    mesh: MeshIdentity | None
    routed: tuple[IPAddress, ...]
    current: tuple[IPAddress, ...]
    public: tuple[IPAddress, ...]
    pod_networks: tuple[Prefix, ...]


def wants_discovery(config: Config) -> bool:
    """Tell whether there is any registry to publish to."""
    return bool(config.discovery.services) or config.discovery.kubernetes_registry


def build_local_affiliate(config: Config, node: LocalNode) -> Affiliate:
    """Return our affiliate, however large it is."""
    return Affiliate(
        node_id=node.node_id,
        addresses=tuple(dict.fromkeys(node.routed)),
        hostname=node.names.hostname,
        nodename=node.names.nodename,
        operating_system=node.operating_system,
        machine_type=config.host.machine_type,
        kubespan=_kubespan_part(config, node, node.mesh),
        control_plane=_control_plane(config.host),
    )


def order_public_ips(
    addresses: Iterable[PublicAddress], services: Sequence[DiscoveryService]
) -> tuple[IPAddress, ...]:
    """Return what services saw us as, in the order the services are configured."""
    ip_by_source = {public.source: public.address for public in addresses}
    ips = (ip_by_source.get(service.name) for service in services)
    return tuple(dict.fromkeys(ip for ip in ips if ip is not None))


def _kubespan_part(
    config: Config, node: LocalNode, mesh: MeshIdentity | None
) -> KubeSpanAffiliate:
    if mesh is None or not config.kubespan.enabled:
        return KubeSpanAffiliate()
    return KubeSpanAffiliate(
        public_key=str(mesh.public_key),
        address=mesh.ip,
        additional_addresses=_advertised_networks(config, node),
        endpoints=_endpoints(config, node, mesh),
        exclude_advertised_networks=config.kubespan.exclude_advertised_networks,
    )


def _advertised_networks(config: Config, node: LocalNode) -> tuple[Prefix, ...]:
    """Return configured networks and, where wanted, our node's pod networks."""
    pods = node.pod_networks if config.kubespan.advertise_kubernetes_networks else ()
    return tuple(dict.fromkeys((*config.host.advertised_networks, *pods)))


def _endpoints(
    config: Config, node: LocalNode, mesh: MeshIdentity
) -> tuple[Endpoint, ...]:
    settings = config.kubespan
    filters = settings.endpoint_filters
    ips = announceable_ips(node.current, node.public, mesh.ip, filters)
    return announced_endpoints(ips, config.host.listen_port, settings.extra_endpoints)


def _control_plane(settings: HostSettings) -> ControlPlane | None:
    """Return the API server's port, on nodes that run one and say so."""
    port = settings.api_server_port
    if port is None or settings.machine_type not in _CONTROL_PLANES:
        return None
    return ControlPlane(port)
