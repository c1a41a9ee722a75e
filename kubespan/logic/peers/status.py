"""What becomes of a peer's status when its device is looked at again.

::

                  first seen, shakes hands already ───────────────────────┐ adopted
                                                                          ▼
    first seen ──► on trial (unknown) ── handshake ─────────────────────► up
                    ▲   │                                                 │
          next one  │   └── 15 s of silence ──► down ◄── 275 s of silence─┘
                    └─────────────────────────────┘

A trial lasts 15 s and begins once the device has the peer. A peer that is up is never
pointed elsewhere, and where it roamed to is left alone.

Source:
    kubespan.md sections 4.2 to 4.4.
"""

from dataclasses import dataclass

from kubespan.logic.peers.endpoints import pick_endpoint
from kubespan.logic.peers.handshake_age import age_s, handshake_instant_s
from kubespan.logic.peers.health import judge_peer
from kubespan.model.constants import PEER_DOWN_S
from kubespan.model.endpoint import Endpoint
from kubespan.model.peer import PeerSpec, PeerState, PeerStatus
from kubespan.model.wireguard import WireGuardPeerSeen


@dataclass(frozen=True, slots=True)
class Moment:
    """Both clocks, read at once, and when the device was looked at.

    Attributes:
        looked_s: monotonic; None means just now. What the device lacked then it may
            have been given since, and a handshake may have followed.
    """

    now_s: float
    now_ns: int
    looked_s: float | None = None


@dataclass(frozen=True, slots=True)
class _Trial:
    """The endpoint we set last, and when."""

    endpoint: Endpoint | None = None
    changed_ns: int = 0
    changed_s: float | None = None


def next_status(
    spec: PeerSpec,
    seen: WireGuardPeerSeen | None,
    before: PeerStatus | None,
    moment: Moment,
) -> PeerStatus:
    """Return the status of a peer now.

    Args:
        spec: the peer as discovery describes it.
        seen: None while the device does not have the peer, or is not there.
        before: None when the peer is new to us.
        moment: now.
    """
    if seen is None or _was_forgotten(seen, before):
        return _unseen_status(spec, seen, before, moment)
    return _seen_status(spec, seen, before, moment)


def _was_forgotten(seen: WireGuardPeerSeen, before: PeerStatus | None) -> bool:
    """Tell whether the device was made anew since we last looked."""
    shook_hands = before is not None and before.handshake_s is not None
    return shook_hands and seen.last_handshake_ns == 0


def _unseen_status(
    spec: PeerSpec,
    seen: WireGuardPeerSeen | None,
    before: PeerStatus | None,
    moment: Moment,
) -> PeerStatus:
    """Start with what the device has, else what worked, else the first published."""
    last = _trial_of(before)
    endpoint = (
        (_endpoint_of(seen) if seen else None)
        or (before.endpoint if before else None)
        or last.endpoint
        or pick_endpoint(spec.endpoints, None, None)
    )
    if endpoint is None:
        return PeerStatus(spec.public_key, spec.label)
    kept = endpoint == last.endpoint
    return PeerStatus(
        spec.public_key,
        spec.label,
        endpoint=endpoint,
        last_used_endpoint=endpoint,
        last_endpoint_change_ns=last.changed_ns if kept else moment.now_ns,
        endpoint_changed_s=_trial_start_s(last, moment) if kept else moment.now_s,
        asserted_endpoint=endpoint,
    )


def _trial_start_s(last: _Trial, moment: Moment) -> float:
    """Return when the device was last known to lack the peer."""
    looked_s = moment.now_s if moment.looked_s is None else moment.looked_s
    return looked_s if last.changed_s is None else max(last.changed_s, looked_s)


def _seen_status(
    spec: PeerSpec,
    seen: WireGuardPeerSeen,
    before: PeerStatus | None,
    moment: Moment,
) -> PeerStatus:
    """Judge a peer the device has, and move on to its next endpoint if it is silent."""
    endpoint = _endpoint_of(seen)
    handshake_s = _handshake_s(seen, before, moment)
    handshake_age_s = age_s(handshake_s, moment.now_s)
    trial = _trial_of(before)
    if before is None and handshake_age_s < PEER_DOWN_S:
        trial = _Trial(endpoint)  # it works: a restart of ours must not disturb it
    state = judge_peer(
        handshake_age_s,
        age_s(trial.changed_s, moment.now_s),
        endpoint_used=trial.endpoint is not None,
    )
    if picked := _next_endpoint(spec, trial.endpoint, endpoint, state):
        trial = _Trial(picked, moment.now_ns, moment.now_s)
        endpoint, state = picked, PeerState.UNKNOWN
    return PeerStatus(
        public_key=spec.public_key,
        label=spec.label,
        endpoint=endpoint,
        state=state,
        receive_bytes=seen.receive_bytes,
        transmit_bytes=seen.transmit_bytes,
        last_handshake_ns=seen.last_handshake_ns,
        handshake_s=handshake_s,
        last_used_endpoint=trial.endpoint,
        last_endpoint_change_ns=trial.changed_ns,
        endpoint_changed_s=trial.changed_s,
        asserted_endpoint=_asserted(trial.endpoint, endpoint, state),
    )


def _next_endpoint(
    spec: PeerSpec,
    last_used: Endpoint | None,
    current: Endpoint | None,
    state: PeerState,
) -> Endpoint | None:
    """Return the endpoint to go on to; None to stay."""
    unset = last_used is None and state is not PeerState.UP
    if state is PeerState.DOWN or unset:
        return pick_endpoint(spec.endpoints, last_used, current)
    return None


def _asserted(
    last_used: Endpoint | None, current: Endpoint | None, state: PeerState
) -> Endpoint | None:
    """Return what the device must be told; on trial, before it did what it was told."""
    on_trial = state is PeerState.UNKNOWN
    return last_used if on_trial or current in (None, last_used) else None


def _trial_of(before: PeerStatus | None) -> _Trial:
    if before is None:
        return _Trial()
    return _Trial(
        before.last_used_endpoint,
        before.last_endpoint_change_ns,
        before.endpoint_changed_s,
    )


def _endpoint_of(seen: WireGuardPeerSeen) -> Endpoint | None:
    return seen.endpoint.unmapped if seen.endpoint else None


def _handshake_s(
    seen: WireGuardPeerSeen, before: PeerStatus | None, moment: Moment
) -> float | None:
    return handshake_instant_s(
        seen.last_handshake_ns,
        before.last_handshake_ns if before else 0,
        before.handshake_s if before else None,
        moment.now_s,
        moment.now_ns,
    )
