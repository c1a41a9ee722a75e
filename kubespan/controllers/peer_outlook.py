"""How every peer is doing, in words."""

from collections.abc import Iterable
from functools import partial

from kubespan.engine.controller import Controller, View
from kubespan.logic.peers.outlook import outlook
from kubespan.model.peer import PeerOutlook, PeerSpec, PeerStatus


def reconcile(view: View) -> Iterable[PeerOutlook]:
    """Return one outlook per peer."""
    status_by_key = view.by_key(PeerStatus)
    return [
        view.remember(
            key,
            (spec, status),
            partial(outlook, spec, status),
        )
        for key, spec in view.by_key(PeerSpec).items()
        if (status := status_by_key.get(key))
    ]


PEER_OUTLOOK = Controller(
    name="peer_outlook",
    reads=(PeerSpec, PeerStatus),
    writes=PeerOutlook,
    reconcile=reconcile,
)
