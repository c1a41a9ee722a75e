"""Valid documents to one Config: precedence and defaults.

Source:
    kubespan.md sections 6.1 and 6.4.
"""

from dataclasses import dataclass
from ipaddress import ip_network
from typing import Final, TypeVar

from kubespan.config.agreement import CONTROL_PLANE_TYPES, LEGACY_SERVICE_NAME
from kubespan.config.host_document import HostDocument
from kubespan.config.machine_document import ClusterSection, MachineDocument
from kubespan.config.service_url import parse_service_url
from kubespan.config.talos_documents import (
    EndpointsDocument,
    HostnameDocument,
    IdentityDocument,
    KubeSpanDocument,
    KubeSpanSection,
    ServiceDocument,
)
from kubespan.model.address import Network
from kubespan.model.affiliate import MachineType
from kubespan.model.config import (
    Config,
    DiscoveryService,
    DiscoverySettings,
    HostSettings,
    KubeSpanSettings,
)
from kubespan.model.constants import DISCOVERY_ENDPOINT_DEFAULT

API_SERVER_PORT_DEFAULT: Final = 6443
POD_NETWORKS_DEFAULT: Final = (ip_network("10.244.0.0/16"),)
SERVICE_NETWORKS_DEFAULT: Final = (ip_network("10.96.0.0/12"),)
"""Talos's own, where a cluster section names none."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ValidDocuments:
    """Every document of the file, each valid, all in agreement."""

    machine: MachineDocument | None = None
    kubespan: KubeSpanDocument | None = None
    endpoints: EndpointsDocument | None = None
    services: tuple[ServiceDocument, ...] = ()
    identity: IdentityDocument | None = None
    host: HostDocument | None = None
    hostname: HostnameDocument | None = None

    @property
    def cluster(self) -> ClusterSection | None:
        """The legacy cluster section."""
        return self.machine.cluster if self.machine else None


def config_of(documents: ValidDocuments) -> Config:
    """Return what the documents say together."""
    cluster = documents.cluster
    return Config(
        kubespan=_kubespan(documents),
        discovery=_discovery(documents),
        host=_host(documents),
        cluster_name=cluster.cluster_name if cluster else "",
    )


def _kubespan(documents: ValidDocuments) -> KubeSpanSettings:
    machine = documents.machine and documents.machine.machine
    legacy = machine.network.kubespan if machine else KubeSpanSection()
    section = documents.kubespan or legacy
    filters = section.filters
    extra = documents.endpoints.extra_announced_endpoints if documents.endpoints else ()
    return KubeSpanSettings(
        enabled=section.enabled,
        advertise_kubernetes_networks=section.advertise_kubernetes_networks,
        allow_down_peer_bypass=section.allow_down_peer_bypass,
        harvest_extra_endpoints=section.harvest_extra_endpoints,
        mtu_bytes=section.mtu,
        endpoint_filters=_tuple_or_none(filters.endpoints),
        peer_endpoint_filters=_tuple_or_none(filters.peer_endpoints),
        exclude_advertised_networks=_once(filters.exclude_advertised_networks),
        extra_endpoints=_once(extra),
    )


def _discovery(documents: ValidDocuments) -> DiscoverySettings:
    cluster = documents.cluster or ClusterSection()
    identity = documents.identity
    enabled = cluster.discovery.enabled
    kubernetes_off = cluster.discovery.registries.kubernetes.disabled
    return DiscoverySettings(
        cluster_id=identity.cluster_id if identity else cluster.id,
        cluster_secret=identity.cluster_secret if identity else cluster.secret,
        services=_services(documents, cluster),
        kubernetes_registry=enabled and not kubernetes_off,
    )


def _services(
    documents: ValidDocuments, cluster: ClusterSection
) -> tuple[DiscoveryService, ...]:
    """Return the services in the order written; the legacy one has a fixed name."""
    urls = [(service.name, service.endpoint) for service in documents.services]
    legacy = cluster.discovery.registries.service
    if cluster.discovery.enabled and not legacy.disabled:
        url = legacy.endpoint or DISCOVERY_ENDPOINT_DEFAULT
        urls.append((LEGACY_SERVICE_NAME, url))
    host = documents.host or HostDocument()
    return tuple(_service(name, url, host) for name, url in urls)


def _service(name: str, url: str, host: HostDocument) -> DiscoveryService:
    address = parse_service_url(url)
    return DiscoveryService(
        name,
        address.endpoint,
        address.plaintext,
        ca_file=host.discovery_ca_files.get(name, ""),
        certificate_file=host.discovery_certificate_files.get(name, ""),
        token_file=host.discovery_token_files.get(name, ""),
    )


def _host(documents: ValidDocuments) -> HostSettings:
    host = documents.host or HostDocument()
    machine = documents.machine and documents.machine.machine
    machine_type = host.machine_type or (machine.type if machine else None)
    fqdn = machine.kubelet.register_with_fqdn if machine else False
    if host.register_with_fqdn is not None:
        fqdn = host.register_with_fqdn
    pods, services = _kubernetes_networks(documents.cluster)
    return HostSettings(
        hostname=host.hostname or _talos_hostname(documents),
        node_name=host.node_name,
        register_with_fqdn=fqdn,
        machine_type=machine_type or MachineType.WORKER,
        api_server_port=host.api_server_port or _api_port(documents, machine_type),
        advertised_networks=_once(host.advertised_networks),
        pod_networks=_once(_first(host.pod_networks, pods)),
        service_networks=_once(_first(host.service_networks, services)),
        wireguard=host.wireguard,
        userspace_programs=_once(host.userspace_programs),
        listen_port=host.listen_port,
        sysctls=host.sysctls,
        nft_table=host.nft_table,
        kubeconfig=host.kubeconfig,
        external_addresses=_once(host.external_addresses),
        exclude_interfaces=_once(host.exclude_interfaces),
    )


def _talos_hostname(documents: ValidDocuments) -> str:
    machine = documents.machine and documents.machine.machine
    newer = documents.hostname.hostname if documents.hostname else ""
    return newer or (machine.network.hostname if machine else "")


def _api_port(
    documents: ValidDocuments, machine_type: MachineType | None
) -> int | None:
    """Return Talos's port on a control plane that has an API server section."""
    cluster = documents.cluster
    if cluster is None or cluster.api_server is None:
        return None
    if machine_type not in CONTROL_PLANE_TYPES:
        return None
    return cluster.control_plane.local_api_server_port or API_SERVER_PORT_DEFAULT


def _kubernetes_networks(
    cluster: ClusterSection | None,
) -> tuple[tuple[Network, ...], tuple[Network, ...]]:
    """Return pod and service networks of the cluster section; none without one."""
    if cluster is None:
        return (), ()
    pods = _first(cluster.network.pod_subnets, POD_NETWORKS_DEFAULT)
    services = _first(cluster.network.service_subnets, SERVICE_NETWORKS_DEFAULT)
    return tuple(pods), tuple(services)


def _first(
    written: list[T] | None, otherwise: tuple[T, ...]
) -> list[T] | tuple[T, ...]:
    return otherwise if written is None else written


def _tuple_or_none(values: list[str] | None) -> tuple[str, ...] | None:
    return None if values is None else tuple(values)


def _once(values: list[T] | tuple[T, ...]) -> tuple[T, ...]:
    """Return the values in order, each once."""
    return tuple(dict.fromkeys(values))
