"""What the operator wrote: validated, with defaults.

Source:
    kubespan.md section 6; ``KubeSpanHostConfig`` is our own document.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from kubespan.model.address import IPAddress, Network, Prefix
from kubespan.model.affiliate import MachineType
from kubespan.model.constants import MTU_DEFAULT_BYTES, NFT_TABLE_DEFAULT
from kubespan.model.endpoint import Endpoint
from kubespan.model.keys import SecretKey
from kubespan.model.wireguard import WireGuardChoice

EXCLUDED_INTERFACES_DEFAULT: Final = (
    "docker0",
    "docker_gwbridge",
    "br-????????????",  # networks of Docker Compose: br- and 12 hexadecimal digits
    "virbr*",
    "lxcbr*",
    "lxdbr*",
    "podman*",
    "cni*",
    "flannel*",
    "cali*",
    "cilium*",
    "kube-ipvs0",
    "nodelocaldns",
    "weave*",
)
"""What container engines make; most have the same addresses on every host."""


@dataclass(frozen=True, slots=True)
class KubeSpanSettings:
    """The KubeSpan section, legacy block or document (section 6.4).

    Attributes:
        endpoint_filters: None when none is configured; an empty tuple drops all.
        peer_endpoint_filters: the same syntax, for endpoints received from peers.
        extra_endpoints: announced unfiltered.
    """

    enabled: bool = False
    advertise_kubernetes_networks: bool = False
    allow_down_peer_bypass: bool = False
    harvest_extra_endpoints: bool = False
    mtu_bytes: int = MTU_DEFAULT_BYTES
    endpoint_filters: tuple[str, ...] | None = None
    peer_endpoint_filters: tuple[str, ...] | None = None
    exclude_advertised_networks: tuple[Prefix, ...] = ()
    extra_endpoints: tuple[Endpoint, ...] = ()


@dataclass(frozen=True, slots=True)
class DiscoveryService:
    """One discovery service.

    Attributes:
        endpoint: ``host:port``, IPv6 in brackets.
        plaintext: h2c without TLS.
        ca_file: PEM bundle to trust instead of the system's; empty for the system's.
        certificate_file: PEM certificate and key to show it; empty shows none.
        token_file: holds what to show with every call; empty shows nothing.
    """

    name: str
    endpoint: str
    plaintext: bool
    ca_file: str = ""
    certificate_file: str = ""
    token_file: str = ""


@dataclass(frozen=True, slots=True)
class DiscoverySettings:
    """Registries and the cluster's identity.

    Attributes:
        cluster_id: opaque text, used unmodified; empty when there is none.
        cluster_secret: seals discovery data and is every peer's preshared key.
    """

    cluster_id: str = ""
    cluster_secret: SecretKey | None = None
    services: tuple[DiscoveryService, ...] = ()
    kubernetes_registry: bool = False


class SysctlPolicy(StrEnum):
    """What to do with kernel switches the mesh relies on."""

    CHECK = "check"
    SET = "set"


@dataclass(frozen=True, slots=True)
class HostSettings:
    """What Talos has no word for: document ``KubeSpanHostConfig``.

    Attributes:
        hostname: empty means the host's own.
        node_name: Kubernetes node name; None derives it from the hostname, empty
            means that this host is a peer but no member.
        register_with_fqdn: derive the node name from host and domain name.
        advertised_networks: offered besides our addresses, such as pod networks.
        pod_networks, service_networks: addresses in them are Kubernetes' own and
            are never published (section 2.3, no-k8s).
        listen_port: UDP port of WireGuard.
        nft_table: name of our ``inet`` table.
        kubeconfig: path for the Kubernetes registry; empty for the default search.
        external_addresses: announced as endpoints, not as addresses.
        exclude_interfaces: shell patterns; addresses of links with such names are
            announced neither as addresses nor as endpoints.
        userspace_programs: names or paths tried in order.
    """

    hostname: str = ""
    node_name: str | None = None
    register_with_fqdn: bool = False
    machine_type: MachineType = MachineType.WORKER
    api_server_port: int | None = None
    advertised_networks: tuple[Prefix, ...] = ()
    pod_networks: tuple[Network, ...] = ()
    service_networks: tuple[Network, ...] = ()
    wireguard: WireGuardChoice = WireGuardChoice.AUTO
    userspace_programs: tuple[str, ...] = ("wireguard-go", "boringtun-cli", "gotatun")
    listen_port: int = 51820
    sysctls: SysctlPolicy = SysctlPolicy.CHECK
    nft_table: str = NFT_TABLE_DEFAULT
    kubeconfig: str = ""
    external_addresses: tuple[IPAddress, ...] = ()
    exclude_interfaces: tuple[str, ...] = EXCLUDED_INTERFACES_DEFAULT


@dataclass(frozen=True, slots=True)
class Config:
    """Everything one node was told."""

    kubespan: KubeSpanSettings = field(default_factory=KubeSpanSettings)
    discovery: DiscoverySettings = field(default_factory=DiscoverySettings)
    host: HostSettings = field(default_factory=HostSettings)
    cluster_name: str = ""

    @property
    def key(self) -> str:
        """Always ``config``."""
        return "config"
