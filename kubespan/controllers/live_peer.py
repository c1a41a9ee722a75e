"""Keys that shook hands lately: reason not to forget a node.

Source:
    kubespan.md sections 3.8 and 4.3.
"""

from collections.abc import Iterable

from kubespan.engine.controller import Controller, View
from kubespan.logic.peers.health import live_peers
from kubespan.model.peer import LivePeer
from kubespan.model.wireguard import WireGuardDevice


def reconcile(view: View) -> Iterable[LivePeer]:
    """Return the keys whose last handshake is younger than 275 s."""
    device = view.one(WireGuardDevice)
    seen = device.peers if device else ()
    return live_peers(seen, view.by_key(LivePeer), view.now_s, view.now_ns)


LIVE_PEER = Controller(
    name="live_peer",
    reads=(WireGuardDevice, LivePeer),
    writes=LivePeer,
    reconcile=reconcile,
)
