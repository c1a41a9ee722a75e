"""What the packet filter must do for the mesh.

Source:
    kubespan.md sections 4.8 and 4.9.
"""

from dataclasses import dataclass

from kubespan.model.address import Network
from kubespan.model.endpoint import Endpoint


@dataclass(frozen=True, slots=True)
class FirewallSpec:
    """The two chains, as the values they depend on.

    Attributes:
        table: name of our own ``inet`` table.
        routed: the set R: sorted, disjoint, merged; may be empty.
        mss_ipv4_bytes, mss_ipv6_bytes: clamp for locally made connections.
        bypass: TCP to and from these is never forced: discovery services on nodes of
            the mesh. Sorted, none twice; usually empty.
    """

    table: str
    routed: tuple[Network, ...]
    mss_ipv4_bytes: int
    mss_ipv6_bytes: int
    bypass: tuple[Endpoint, ...] = ()

    @property
    def key(self) -> str:
        """The table's name."""
        return self.table
