"""The legacy v1alpha1 document: sections that are ours, and the few others we read.

Source:
    kubespan.md sections 6.2 and 6.4.
"""

from typing import Annotated

from pydantic import AfterValidator, Field, ValidationInfo

from kubespan.config.circumstances import circumstances, refusal
from kubespan.config.network_fields import KubernetesNetwork
from kubespan.config.service_url import parse_service_url
from kubespan.config.talos_documents import (
    ForeignSection,
    KubeSpanSection,
    Section,
)
from kubespan.config.text_fields import (
    ClusterID,
    Hostname,
    LegacySecret,
    MachineTypeField,
    OpaqueText,
    PortOrUnset,
)
from kubespan.model.affiliate import MachineType


def _legacy_endpoint(url: str, info: ValidationInfo) -> str:
    if not url or not circumstances(info).service:
        return url
    try:
        address = parse_service_url(url)
    except ValueError as error:
        said = "cluster discovery service registry endpoint is invalid"
        raise refusal(f"{said}: {error}") from None
    if address.path not in {"", "/"}:
        raise refusal("cluster discovery service path should be empty")
    return url


class KubernetesRegistrySection(Section):
    """Annotations of Kubernetes nodes."""

    disabled: bool = False


class ServiceRegistrySection(Section):
    """The discovery service; an empty endpoint means the public one."""

    disabled: bool = False
    endpoint: Annotated[str, AfterValidator(_legacy_endpoint)] = ""


class RegistriesSection(Section):
    """Both are on unless they are disabled."""

    kubernetes: KubernetesRegistrySection = KubernetesRegistrySection()
    service: ServiceRegistrySection = ServiceRegistrySection()


class DiscoverySection(Section):
    """``.cluster.discovery``."""

    enabled: bool = False
    registries: RegistriesSection = RegistriesSection()


class MachineNetworkSection(ForeignSection):
    """``.machine.network``."""

    hostname: Hostname = ""
    kubespan: KubeSpanSection = Field(default=KubeSpanSection(), alias="kubespan")


class KubeletSection(ForeignSection):
    """``.machine.kubelet``."""

    register_with_fqdn: bool = Field(default=False, alias="registerWithFQDN")


class MachineSection(ForeignSection):
    """``.machine``."""

    type: MachineTypeField = MachineType.WORKER
    network: MachineNetworkSection = MachineNetworkSection()
    kubelet: KubeletSection = KubeletSection()


class ClusterNetworkSection(ForeignSection):
    """``.cluster.network``; None means Talos's own defaults."""

    pod_subnets: list[KubernetesNetwork] | None = None
    service_subnets: list[KubernetesNetwork] | None = None


class ControlPlaneSection(ForeignSection):
    """``.cluster.controlPlane``; port 0 means Talos's default."""

    local_api_server_port: PortOrUnset = Field(default=0, alias="localAPIServerPort")


class ClusterSection(ForeignSection):
    """``.cluster``."""

    id: ClusterID = ""
    secret: LegacySecret = None
    cluster_name: OpaqueText = ""
    discovery: DiscoverySection = DiscoverySection()
    network: ClusterNetworkSection = ClusterNetworkSection()
    control_plane: ControlPlaneSection = ControlPlaneSection()
    api_server: object = None


class MachineDocument(Section):
    """The whole document; its top level is known, what is below only in part."""

    version: OpaqueText = ""
    debug: object = None
    persist: object = None
    machine: MachineSection | None = None
    cluster: ClusterSection | None = None
