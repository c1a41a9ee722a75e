"""An affiliate with a Kubernetes node name.

Source:
    kubespan.md section 2.6.
"""

from dataclasses import dataclass

from kubespan.model.address import IPAddress
from kubespan.model.affiliate import ControlPlane, MachineType


@dataclass(frozen=True, slots=True)
class Member:
    """A node of the Kubernetes cluster, ourselves included."""

    nodename: str
    node_id: str
    addresses: tuple[IPAddress, ...]
    hostname: str
    machine_type: MachineType
    operating_system: str
    control_plane: ControlPlane | None = None

    @property
    def key(self) -> str:
        """The Kubernetes node name."""
        return self.nodename
