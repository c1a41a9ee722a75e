"""How a peer is doing, in words: why it is not up and what happens next."""

from dataclasses import dataclass
from typing import Final

from kubespan.logic.peers.endpoints import pick_endpoint
from kubespan.logic.peers.names import name_node
from kubespan.model.constants import ENDPOINT_TRIAL_S
from kubespan.model.endpoint import Endpoint
from kubespan.model.peer import PeerOutlook, PeerSpec, PeerState, PeerStatus

_TRIAL_NS: Final = int(ENDPOINT_TRIAL_S) * 1_000_000_000


@dataclass(frozen=True, slots=True)
class _Prospect:
    """Why a peer is not up, and what comes next."""

    reason: str = ""
    endpoint: Endpoint | None = None
    at_ns: int = 0


def outlook(spec: PeerSpec, status: PeerStatus) -> PeerOutlook:
    """Return what people ask of a peer."""
    prospect = _prospect(spec, status)
    return PeerOutlook(
        public_key=spec.public_key,
        name=name_node(spec.node_id, spec.label, spec.hostname),
        address=spec.address,
        state=status.state,
        endpoint=status.endpoint,
        last_handshake_ns=status.last_handshake_ns,
        receive_bytes=status.receive_bytes,
        transmit_bytes=status.transmit_bytes,
        reason=prospect.reason,
        next_endpoint=prospect.endpoint,
        next_attempt_ns=prospect.at_ns,
    )


def _prospect(spec: PeerSpec, status: PeerStatus) -> _Prospect:
    if status.state is PeerState.UP:
        return _Prospect()
    tried = status.last_used_endpoint
    if tried is None:
        return _Prospect(_waiting_for_call(spec))
    following = pick_endpoint(spec.endpoints, tried, tried)
    if following is None:
        return _Prospect(_only_endpoint_silent(spec, tried))
    if status.state is PeerState.UNKNOWN:
        trial_ends_ns = status.last_endpoint_change_ns + _TRIAL_NS
        return _Prospect(f"trying {tried}, no answer yet", following, trial_ends_ns)
    return _Prospect(f"no answer from {tried}", following, 0)


def _waiting_for_call(spec: PeerSpec) -> str:
    if spec.endpoints:
        return "no endpoint has been tried yet"
    return "it announces no endpoint we may use: waiting for it to call us"


def _only_endpoint_silent(spec: PeerSpec, tried: Endpoint) -> str:
    if not spec.endpoints:
        return f"no answer from {tried}; it no longer announces an endpoint"
    return f"no answer from {tried}, its only endpoint: WireGuard keeps trying it"
