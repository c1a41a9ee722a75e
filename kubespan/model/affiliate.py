"""What is known of a node through discovery: a possible member, a possible peer.

Source:
    kubespan.md section 2.1.
"""

from dataclasses import dataclass
from enum import StrEnum

from kubespan.model.address import IPAddress, Prefix
from kubespan.model.endpoint import Endpoint


class MachineType(StrEnum):
    """The role of a node, as the wire writes it."""

    UNKNOWN = "unknown"
    INIT = "init"
    CONTROL_PLANE = "controlplane"
    WORKER = "worker"


@dataclass(frozen=True, slots=True)
class KubeSpanAffiliate:
    """The mesh part of an affiliate; an empty public key means "no KubeSpan".

    Attributes:
        public_key: text as published; not yet known to be a key.
        address: mesh address; None when unset or undecodable.
        additional_addresses: advertised networks, host bits kept; may overlap.
        endpoints: in the order published; may repeat.
        exclude_advertised_networks: subtract from what this node is responsible for.
    """

    public_key: str = ""
    address: IPAddress | None = None
    additional_addresses: tuple[Prefix, ...] = ()
    endpoints: tuple[Endpoint, ...] = ()
    exclude_advertised_networks: tuple[Prefix, ...] = ()


@dataclass(frozen=True, slots=True)
class ControlPlane:
    """A node that serves the Kubernetes API on every address it publishes."""

    port: int


@dataclass(frozen=True, slots=True)
class Affiliate:
    """One node as one or several registries describe it, never ourselves.

    Attributes:
        node_id: opaque; the inner one of the sealed data.
        addresses: IPs the node has, without prefix length; may hold its mesh address.
        nodename: Kubernetes node name; empty means not a member.
    """

    node_id: str
    addresses: tuple[IPAddress, ...] = ()
    hostname: str = ""
    nodename: str = ""
    operating_system: str = ""
    machine_type: MachineType = MachineType.UNKNOWN
    kubespan: KubeSpanAffiliate = KubeSpanAffiliate()
    control_plane: ControlPlane | None = None

    @property
    def key(self) -> str:
        """The node ID."""
        return self.node_id


@dataclass(frozen=True, slots=True)
class LocalAffiliate:
    """What we say of ourselves; its own type, so nobody must remember to skip self."""

    affiliate: Affiliate

    @property
    def key(self) -> str:
        """Our own node ID."""
        return self.affiliate.node_id


class Registry(StrEnum):
    """A kind of place where affiliates are published and read."""

    KUBERNETES = "k8s"
    SERVICE = "service"


@dataclass(frozen=True, slots=True)
class RegistryAffiliate:
    """What one registry instance says of one node.

    Attributes:
        source: name of the instance: a discovery service's name, or ``kubernetes``.
        missing: the instance stopped listing it without saying it was deleted (a
            snapshot after an outage lacked it); kept until nobody needs it.
    """

    registry: Registry
    source: str
    affiliate: Affiliate
    missing: bool = False

    @property
    def key(self) -> str:
        """``registry/source/node ID``."""
        return f"{self.registry}/{self.source}/{self.affiliate.node_id}"


@dataclass(frozen=True, slots=True)
class RawAffiliate:
    """What one kind of registry says of a node, its instances already united."""

    registry: Registry
    affiliate: Affiliate

    @property
    def key(self) -> str:
        """``k8s/<node ID>`` or ``service/<node ID>`` (kubespan.md section 2.5)."""
        return f"{self.registry}/{self.affiliate.node_id}"
