"""The smallest change to a WireGuard device; never disturbs a live endpoint.

An allowed IP belongs to one peer: giving it to another takes it away from the first,
whoever is told first. So a peer whose list differs is sent its whole list, and removals
go first; as lists are disjoint, no later peer can take what an earlier one was given.

Source:
    kubespan.md section 4.5.
"""

from kubespan.logic.identity.key_pair import public_half
from kubespan.model.wireguard import (
    WireGuardChange,
    WireGuardDevice,
    WireGuardPeer,
    WireGuardPeerChange,
    WireGuardPeerSeen,
    WireGuardSpec,
)


def diff_wireguard(
    desired: WireGuardSpec | None, actual: WireGuardDevice
) -> WireGuardChange:
    """Return what turns a device into what is desired.

    Args:
        desired: its peers' allowed IPs are disjoint; None asks for nothing, because a
            device goes with its link.
        actual: an absent device needs everything.

    Returns:
        false when nothing needs doing; changed peers are in the order of ``desired``.
    """
    if desired is None:
        return WireGuardChange(actual.link)
    seen_by_key = {peer.public_key: peer for peer in actual.peers}
    wanted = desired.kept.union(peer.public_key for peer in desired.peers)
    changes = (
        _diff_peer(peer, seen_by_key.get(peer.public_key)) for peer in desired.peers
    )
    same_key = actual.public_key == public_half(desired.private_key)
    return WireGuardChange(
        link=desired.link,
        private_key=None if same_key else desired.private_key,
        listen_port=_if_new(desired.listen_port, actual.listen_port),
        mark=_if_new(desired.mark, actual.mark),
        remove=tuple(key for key in seen_by_key if key not in wanted),
        set_peers=tuple(change for change in changes if change is not None),
    )


def _if_new(desired: int, actual: int) -> int | None:
    return desired if desired != actual else None


def _diff_peer(
    desired: WireGuardPeer, actual: WireGuardPeerSeen | None
) -> WireGuardPeerChange | None:
    """Return what to say of one peer; None if nothing."""
    endpoint = desired.endpoint.unmapped if desired.endpoint else None
    if actual is None:
        return WireGuardPeerChange(
            public_key=desired.public_key,
            new=True,
            preshared_key=desired.preshared_key,
            endpoint=endpoint,
            keepalive_s=desired.keepalive_s,
            allowed_ips=desired.allowed_ips,
        )
    same_secret = desired.preshared_key == actual.preshared_key
    same_ips = set(desired.allowed_ips) == set(actual.allowed_ips)
    change = WireGuardPeerChange(
        public_key=desired.public_key,
        new=False,
        preshared_key=None if same_secret else desired.preshared_key,
        endpoint=None if _keeps_endpoint(desired, actual) else endpoint,
        keepalive_s=_if_new(desired.keepalive_s, actual.keepalive_s),
        allowed_ips=None if same_ips else desired.allowed_ips,
    )
    return change if _says_something(change) else None


def _keeps_endpoint(desired: WireGuardPeer, actual: WireGuardPeerSeen) -> bool:
    endpoint = desired.endpoint.unmapped if desired.endpoint else None
    known_ns = desired.endpoint_if_handshake_ns
    has_heard = known_ns not in (None, actual.last_handshake_ns)
    knows_better = has_heard and actual.endpoint is not None
    return endpoint == actual.endpoint or knows_better


def _says_something(change: WireGuardPeerChange) -> bool:
    return any(
        value is not None
        for value in (
            change.preshared_key,
            change.endpoint,
            change.keepalive_s,
            change.allowed_ips,
        )
    )
