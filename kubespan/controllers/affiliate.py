"""What the registries say of a node, Kubernetes first, made one.

Source:
    kubespan.md section 2.5.
"""

from collections.abc import Iterable

from kubespan.engine.controller import Controller, View
from kubespan.logic.affiliates.merge import merge_affiliates
from kubespan.model.affiliate import Affiliate, RawAffiliate


def reconcile(view: View) -> Iterable[Affiliate]:
    """Return one affiliate per node."""
    said_by_node: dict[str, tuple[Affiliate, ...]] = {}
    for raw in view.all(RawAffiliate):  # sorted: k8s/ comes before service/
        said = raw.affiliate
        said_by_node[said.node_id] = (*said_by_node.get(said.node_id, ()), said)
    return [_merged(view, node_id, said) for node_id, said in said_by_node.items()]


def _merged(view: View, node_id: str, said: tuple[Affiliate, ...]) -> Affiliate:
    if len(said) == 1:
        return said[0]
    return view.remember(node_id, said, lambda: merge_affiliates(said))


AFFILIATE = Controller(
    name="affiliate",
    reads=(RawAffiliate,),
    writes=Affiliate,
    reconcile=reconcile,
)
