"""The mesh address on the mesh link.

Source:
    kubespan.md section 4.6.
"""

from collections.abc import Iterable

from kubespan.engine.controller import Controller, View
from kubespan.logic.mesh.device import mesh_link_address
from kubespan.model.identity import MeshIdentity
from kubespan.model.network import AddressSpec


def reconcile(view: View) -> Iterable[AddressSpec]:
    """Return our mesh address; none while KubeSpan is off."""
    return [mesh_link_address(mesh) for mesh in view.all(MeshIdentity)]


MESH_ADDRESS = Controller(
    name="mesh_address",
    reads=(MeshIdentity,),
    writes=AddressSpec,
    reconcile=reconcile,
)
