"""Routes into the mesh, in a table of ours.

Source:
    kubespan.md section 4.7.
"""

from collections.abc import Iterable

from kubespan.engine.controller import Controller, View
from kubespan.logic.mesh.routing import mesh_routes
from kubespan.model.config import Config
from kubespan.model.identity import MeshIdentity
from kubespan.model.network import RouteSpec


def reconcile(view: View) -> Iterable[RouteSpec] | None:
    """Return a default route per family; none while KubeSpan is off."""
    config, mesh = view.one(Config), view.one(MeshIdentity)
    if config is None:
        return None
    return (
        mesh_routes(
            config.kubespan.mtu_bytes, force=not config.kubespan.allow_down_peer_bypass
        )
        if mesh
        else ()
    )


MESH_ROUTE = Controller(
    name="mesh_route",
    reads=(Config, MeshIdentity),
    writes=RouteSpec,
    reconcile=reconcile,
)
