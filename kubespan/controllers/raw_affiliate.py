"""The instances of one registry are made one; we ourselves are left out.

Source:
    kubespan.md sections 2.5 and 3.7.
"""

from collections.abc import Iterable

from kubespan.engine.controller import Controller, View
from kubespan.logic.affiliates.merge import credible_affiliates, merge_affiliates
from kubespan.model.affiliate import (
    Affiliate,
    RawAffiliate,
    Registry,
    RegistryAffiliate,
)
from kubespan.model.identity import NodeIdentity
from kubespan.model.peer import LivePeer


def reconcile(view: View) -> Iterable[RawAffiliate] | None:
    """Return one affiliate per kind of registry and node."""
    identity = view.one(NodeIdentity)
    if identity is None:
        return None
    said_by_node: dict[tuple[Registry, str], list[RegistryAffiliate]] = {}
    for entry in view.all(RegistryAffiliate):  # sorted by registry, then source
        subject = (entry.registry, entry.affiliate.node_id)
        said_by_node.setdefault(subject, []).append(entry)
    live_keys = {str(peer.public_key) for peer in view.all(LivePeer)}
    return [
        RawAffiliate(registry, _united(view, registry, credible))
        for (registry, node_id), said in said_by_node.items()
        if node_id != identity.node_id
        if (credible := credible_affiliates(said, live_keys))
    ]


def _united(view: View, registry: Registry, said: tuple[Affiliate, ...]) -> Affiliate:
    if len(said) == 1:
        return said[0]
    subject = (registry, said[0].node_id)
    return view.remember(subject, said, lambda: merge_affiliates(said))


RAW_AFFILIATE = Controller(
    name="raw_affiliate",
    reads=(RegistryAffiliate, LivePeer, NodeIdentity),
    writes=RawAffiliate,
    reconcile=reconcile,
)
