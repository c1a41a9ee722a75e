"""The mesh link.

Source:
    kubespan.md section 4.5.
"""

from collections.abc import Iterable

from kubespan.engine.controller import Controller, View
from kubespan.logic.mesh.device import mesh_link
from kubespan.model.config import Config
from kubespan.model.identity import MeshIdentity
from kubespan.model.network import LinkSpec


def reconcile(view: View) -> Iterable[LinkSpec] | None:
    """Return the link; none while KubeSpan is off."""
    config, mesh = view.one(Config), view.one(MeshIdentity)
    if config is None:
        return None
    return (mesh_link(config),) if mesh else ()


MESH_LINK = Controller(
    name="mesh_link",
    reads=(Config, MeshIdentity),
    writes=LinkSpec,
    reconcile=reconcile,
)
