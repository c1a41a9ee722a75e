"""Peers the device has and registries have not spoken of: which of them stay.

Source:
    No upstream: Talos forgets its peers with every restart.
"""

from collections.abc import Collection, Iterable

from kubespan.model.affiliate import Registry
from kubespan.model.config import DiscoverySettings
from kubespan.model.peer import KeptPeer
from kubespan.model.registry import RegistryStatus
from kubespan.model.wireguard import WireGuardPeerSeen


def knows_all_peers(
    settings: DiscoverySettings, statuses: Iterable[RegistryStatus]
) -> bool:
    """Tell whether every configured registry has told us of all its nodes."""
    asked = {(Registry.SERVICE, service.name) for service in settings.services}
    if settings.kubernetes_registry:
        asked.add((Registry.KUBERNETES, "kubernetes"))
    synced = {(status.registry, status.source) for status in statuses if status.synced}
    return asked <= synced


def kept_peers(
    seen: Iterable[WireGuardPeerSeen],
    live: Collection[str],
    wanted: Collection[str],
) -> list[KeptPeer]:
    """Return the peers that stay although nobody speaks of them.

    Args:
        seen: peers of the device.
        live: texts of keys that shook hands within 275 s.
        wanted: texts of keys that registries speak of.
    """
    return [
        KeptPeer(peer.public_key, peer.allowed_ips)
        for peer in seen
        if (text := str(peer.public_key)) in live and text not in wanted
    ]
