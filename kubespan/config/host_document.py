"""``KubeSpanHostConfig``: what Talos has no word for."""

from pydantic import Field

from kubespan.config.network_fields import (
    AdvertisedNetwork,
    ExternalAddress,
    KubernetesNetwork,
)
from kubespan.config.talos_documents import Section
from kubespan.config.text_fields import (
    AbsolutePath,
    Hostname,
    InterfacePatterns,
    MachineTypeField,
    NodeName,
    Port,
    Program,
    SysctlField,
    TableName,
    WireGuardField,
)
from kubespan.model.config import HostSettings

_DEFAULTS = HostSettings()


class HostDocument(Section):
    """Our own document; what is not written is taken from Talos's, or a default.

    Attributes:
        node_name: None derives it; empty means a peer that is no member.
        discovery_ca_files: service name to PEM file; the next two likewise.
        discovery_certificate_files: certificate and key we show.
        discovery_token_files: the token we show.
    """

    api_version: str = ""
    kind: str = ""
    hostname: Hostname = ""
    node_name: NodeName | None = None
    register_with_fqdn: bool | None = Field(default=None, alias="registerWithFQDN")
    machine_type: MachineTypeField | None = None
    api_server_port: Port | None = None
    advertised_networks: list[AdvertisedNetwork] = Field(default_factory=list)
    pod_networks: list[KubernetesNetwork] | None = None
    service_networks: list[KubernetesNetwork] | None = None
    wireguard: WireGuardField = _DEFAULTS.wireguard
    userspace_programs: list[Program] = Field(
        default_factory=lambda: list(_DEFAULTS.userspace_programs)
    )
    listen_port: Port = _DEFAULTS.listen_port
    sysctls: SysctlField = _DEFAULTS.sysctls
    nft_table: TableName = _DEFAULTS.nft_table
    kubeconfig: AbsolutePath = ""
    external_addresses: list[ExternalAddress] = Field(default_factory=list)
    exclude_interfaces: InterfacePatterns = Field(
        default_factory=lambda: list(_DEFAULTS.exclude_interfaces)
    )
    discovery_ca_files: dict[str, AbsolutePath] = Field(
        default_factory=dict, alias="discoveryCAFiles"
    )
    discovery_certificate_files: dict[str, AbsolutePath] = Field(default_factory=dict)
    discovery_token_files: dict[str, AbsolutePath] = Field(default_factory=dict)
