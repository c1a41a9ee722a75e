"""Rules that send marked packets to our table.

Source:
    kubespan.md section 4.7.
"""

from collections.abc import Iterable

from kubespan.engine.controller import Controller, View
from kubespan.logic.mesh.routing import mesh_rules
from kubespan.model.identity import MeshIdentity
from kubespan.model.network import RoutingRuleSpec


def reconcile(view: View) -> Iterable[RoutingRuleSpec]:
    """Return a rule per family; none while KubeSpan is off."""
    return mesh_rules() if view.one(MeshIdentity) else ()


MESH_RULE = Controller(
    name="mesh_rule",
    reads=(MeshIdentity,),
    writes=RoutingRuleSpec,
    reconcile=reconcile,
)
