"""Our place in the mesh: computed once, kept while KubeSpan is enabled.

Source:
    kubespan.md sections 1.5 to 1.7.
"""

from collections.abc import Iterable

from kubespan.engine.controller import Controller, View
from kubespan.logic.identity.addressing import mesh_prefix
from kubespan.logic.identity.mesh_identity import establish_mesh_identity, intruders
from kubespan.model.config import Config
from kubespan.model.host import HostFacts
from kubespan.model.identity import MeshIdentity, NodeIdentity


def reconcile(view: View) -> Iterable[MeshIdentity] | None:
    """Return our identity; none while KubeSpan is off."""
    config, node = view.one(Config), view.one(NodeIdentity)
    facts = view.one(HostFacts)
    if config is None or node is None or facts is None:
        return None
    cluster_id = config.discovery.cluster_id
    if not config.kubespan.enabled or not cluster_id:
        return ()
    known = view.one(MeshIdentity)
    if known is None or known.public_key != node.public_key:
        known = establish_mesh_identity(cluster_id, node, facts.links)
    if known.subnet != mesh_prefix(cluster_id):
        view.warn(
            "cluster",
            f"the cluster ID changed; the mesh address stays {known.ip} until KubeSpan"
            " is switched off and on again or the daemon restarts",
        )
    if not known.from_hardware:
        view.warn(
            "address",
            "this host has no physical network interface: the mesh address"
            f" {known.ip} was derived from the node ID",
        )
    for address in intruders(known.subnet, facts.addresses):
        view.warn(
            str(address.address.ip),
            f"{address.address} on {address.link} lies inside the mesh prefix"
            f" {known.subnet}: mesh traffic may leave through {address.link}",
        )
    return (known,)


MESH_IDENTITY = Controller(
    name="mesh_identity",
    reads=(Config, HostFacts, NodeIdentity, MeshIdentity),
    writes=MeshIdentity,
    reconcile=reconcile,
)
