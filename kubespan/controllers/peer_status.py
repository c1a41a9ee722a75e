"""How every peer is doing, and which of its endpoints it is given.

Source:
    kubespan.md sections 4.2 to 4.4.
"""

from collections.abc import Iterable

from kubespan.engine.controller import Controller, View
from kubespan.logic.peers.status import Moment, next_status
from kubespan.model.peer import PeerSpec, PeerStatus
from kubespan.model.wireguard import WireGuardDevice


def reconcile(view: View) -> Iterable[PeerStatus]:
    """Return one status per peer."""
    device = view.one(WireGuardDevice)
    seen_by_key = {peer.public_key.raw: peer for peer in device.peers} if device else {}
    before_by_key = view.by_key(PeerStatus)
    looked_s = device.observed_s if device else None
    moment = Moment(view.now_s, view.now_ns, looked_s)
    return [
        next_status(
            spec, seen_by_key.get(spec.public_key.raw), before_by_key.get(key), moment
        )
        for key, spec in view.by_key(PeerSpec).items()
    ]


PEER_STATUS = Controller(
    name="peer_status",
    reads=(PeerSpec, WireGuardDevice, PeerStatus),
    writes=PeerStatus,
    reconcile=reconcile,
)
