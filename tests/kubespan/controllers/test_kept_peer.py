from kubespan.controllers.kept_peer import KEPT_PEER
from kubespan.model.affiliate import Registry
from kubespan.model.peer import KeptPeer, LivePeer
from kubespan.model.registry import RegistryStatus
from kubespan.model.wireguard import WireGuardPeerSeen
from tests.builders import (
    a_config,
    a_device,
    a_public_key,
    networks,
    run_controller,
)

SEEN = WireGuardPeerSeen(a_public_key(1), allowed_ips=networks("10.1.0.0/24"))
LIVE = LivePeer(a_public_key(1), 1, 1.0)


def test_live_peer_of_the_device_is_kept_until_every_registry_has_spoken():
    facts = (a_config(), a_device(SEEN), LIVE)
    name = a_config().discovery.services[0].name
    spoken = RegistryStatus(Registry.SERVICE, name, "d:443", synced=True)

    before, _ = run_controller(KEPT_PEER, *facts)
    after, _ = run_controller(KEPT_PEER, *facts, spoken)

    assert before == [KeptPeer(a_public_key(1), networks("10.1.0.0/24"))]
    assert after == []


def test_nothing_is_kept_without_a_configuration_or_a_device():
    kept, _ = run_controller(KEPT_PEER, LIVE)

    assert kept == []
