"""Who this node is.

Source:
    kubespan.md section 1.
"""

from dataclasses import dataclass
from ipaddress import IPv6Address, IPv6Interface, IPv6Network

from kubespan.model.keys import PublicKey, SecretKey


@dataclass(frozen=True, slots=True)
class NodeIdentity:
    """What is kept on disk and made once.

    Attributes:
        node_id: base62 text, opaque to others.
        private_key: clamped Curve25519 key.
        public_key: as stored beside it; trusted, not derived again.
    """

    node_id: str
    private_key: SecretKey
    public_key: PublicKey

    @property
    def key(self) -> str:
        """Always ``local``."""
        return "local"


@dataclass(frozen=True, slots=True)
class MeshIdentity:
    """Our place in the mesh; exists only while KubeSpan is enabled.

    Attributes:
        subnet: the cluster's /64.
        address: ours inside it, as /128.
        cluster_id: the text the subnet was derived from.
        from_hardware: the host part is the EUI-64 of a physical MAC; otherwise it was
            derived from the node ID because the host has no physical NIC.
    """

    address: IPv6Interface
    subnet: IPv6Network
    private_key: SecretKey
    public_key: PublicKey
    cluster_id: str
    from_hardware: bool

    @property
    def key(self) -> str:
        """Always ``local``."""
        return "local"

    @property
    def ip(self) -> IPv6Address:
        """The mesh address without a prefix length."""
        return self.address.ip
