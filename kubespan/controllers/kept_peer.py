"""Peers of the device that stay until every registry has spoken."""

from collections.abc import Iterable

from kubespan.engine.controller import Controller, View
from kubespan.logic.peers.kept import kept_peers, knows_all_peers
from kubespan.model.config import Config
from kubespan.model.peer import KeptPeer, LivePeer, PeerSpec
from kubespan.model.registry import RegistryStatus
from kubespan.model.wireguard import WireGuardDevice


def reconcile(view: View) -> Iterable[KeptPeer]:
    """Return them; none once every configured registry has spoken."""
    config, device = view.one(Config), view.one(WireGuardDevice)
    if config is None or device is None:
        return ()
    if knows_all_peers(config.discovery, view.all(RegistryStatus)):
        return ()
    live, wanted = view.by_key(LivePeer), view.by_key(PeerSpec)
    return kept_peers(device.peers, live.keys(), wanted.keys())


KEPT_PEER = Controller(
    name="kept_peer",
    reads=(Config, RegistryStatus, WireGuardDevice, LivePeer, PeerSpec),
    writes=KeptPeer,
    reconcile=reconcile,
)
