"""Whether a peer is up, judged by its handshakes alone; who shook hands lately.

Source:
    kubespan.md section 4.3.
"""

from collections.abc import Iterable, Mapping

from kubespan.logic.peers.handshake_age import age_s, handshake_instant_s
from kubespan.model.constants import ENDPOINT_TRIAL_S, PEER_DOWN_S
from kubespan.model.peer import LivePeer, PeerState
from kubespan.model.wireguard import WireGuardPeerSeen


def judge_peer(
    handshake_age_s: float, endpoint_age_s: float, *, endpoint_used: bool
) -> PeerState:
    """Return the state of a peer.

    Args:
        handshake_age_s: since the last handshake; infinite for never.
        endpoint_age_s: since its endpoint was last set; infinite for never.
        endpoint_used: whether we ever set one.
    """
    state = _judge(handshake_age_s, endpoint_age_s)
    if state is PeerState.DOWN and not endpoint_used:
        return PeerState.UNKNOWN
    return state


def live_peers(
    seen: Iterable[WireGuardPeerSeen],
    known: Mapping[str, LivePeer],
    now_s: float,
    now_ns: int,
) -> list[LivePeer]:
    """Return the keys whose last handshake is younger than 275 s.

    Args:
        seen: peers of the device.
        known: the answer of the last time, by key text.
        now_s: monotonic.
        now_ns: wall clock, read together with ``now_s``.
    """
    found = []
    for peer in seen:
        before = known.get(str(peer.public_key))
        instant_s = handshake_instant_s(
            peer.last_handshake_ns,
            before.last_handshake_ns if before else 0,
            before.handshake_s if before else None,
            now_s,
            now_ns,
        )
        if instant_s is not None and age_s(instant_s, now_s) < PEER_DOWN_S:
            live = LivePeer(peer.public_key, peer.last_handshake_ns, instant_s)
            found.append(live)
    return found


def _judge(handshake_age_s: float, endpoint_age_s: float) -> PeerState:
    if endpoint_age_s > PEER_DOWN_S:
        return PeerState.UP if handshake_age_s < PEER_DOWN_S else PeerState.DOWN
    if handshake_age_s < endpoint_age_s:
        return PeerState.UP
    on_trial = endpoint_age_s < ENDPOINT_TRIAL_S
    return PeerState.UNKNOWN if on_trial else PeerState.DOWN
