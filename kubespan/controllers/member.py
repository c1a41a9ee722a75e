"""Affiliates that carry a Kubernetes node name are members, ourselves included.

Source:
    kubespan.md section 2.6.
"""

from collections.abc import Iterable
from functools import partial

from kubespan.engine.controller import Controller, View
from kubespan.logic.affiliates.members import member_from_affiliate, one_per_name
from kubespan.logic.peers.names import name_node
from kubespan.model.affiliate import Affiliate, LocalAffiliate
from kubespan.model.member import Member


def reconcile(view: View) -> Iterable[Member]:
    """Return one member per node name."""
    ourselves = [local.affiliate for local in view.all(LocalAffiliate)]
    named = one_per_name((*ourselves, *view.all(Affiliate)))
    for affiliate in named.displaced:
        name = name_node(affiliate.node_id, affiliate.nodename, "")
        view.warn(
            affiliate.node_id,
            f"node name {name} is taken twice: {affiliate.node_id!r} is no member",
        )
    return [
        view.remember(
            affiliate.node_id,
            affiliate,
            partial(member_from_affiliate, affiliate),
        )
        for affiliate in named.affiliates
    ]


MEMBER = Controller(
    name="member",
    reads=(LocalAffiliate, Affiliate),
    writes=Member,
    reconcile=reconcile,
)
