import pytest

from kubespan.logic.peers.kept import kept_peers, knows_all_peers
from kubespan.model.affiliate import Registry
from kubespan.model.config import DiscoveryService, DiscoverySettings
from kubespan.model.peer import KeptPeer
from kubespan.model.registry import RegistryStatus
from kubespan.model.wireguard import WireGuardPeerSeen
from tests.builders import a_public_key, networks

TWO = tuple(DiscoveryService(name, "d:443", plaintext=False) for name in ("a", "b"))
KUBERNETES = RegistryStatus(Registry.KUBERNETES, "kubernetes", "", synced=True)


def service(name: str, *, synced: bool) -> RegistryStatus:
    return RegistryStatus(Registry.SERVICE, name, "d:443", synced=synced)


@pytest.mark.parametrize(
    ("settings", "statuses", "expected"),
    [
        pytest.param({"services": TWO}, [], False, id="nothing heard yet"),
        pytest.param(
            {"services": TWO},
            [service("a", synced=True), service("b", synced=False)],
            False,
            id="one of two",
        ),
        pytest.param(
            {"services": TWO},
            [service("a", synced=True), service("b", synced=True)],
            True,
            id="both",
        ),
        pytest.param(
            {"services": TWO[:1]},
            [service("old", synced=True)],
            False,
            id="another than configured",
        ),
        pytest.param({}, [], True, id="nobody to ask"),
        pytest.param({"kubernetes_registry": True}, [], False, id="Kubernetes silent"),
        pytest.param(
            {"kubernetes_registry": True}, [KUBERNETES], True, id="Kubernetes spoke"
        ),
    ],
)
def test_all_peers_are_known_once_every_registry_spoke(settings, statuses, expected):
    assert knows_all_peers(DiscoverySettings(**settings), statuses) is expected


def test_peer_that_shakes_hands_and_nobody_speaks_of_is_kept():
    seen = [
        WireGuardPeerSeen(a_public_key(number), allowed_ips=networks("10.0.0.0/24"))
        for number in range(3)
    ]
    live = {str(a_public_key(0)), str(a_public_key(1))}
    wanted = {str(a_public_key(0))}

    found = kept_peers(seen, live, wanted)

    assert found == [KeptPeer(a_public_key(1), networks("10.0.0.0/24"))]
