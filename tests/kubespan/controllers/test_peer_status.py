import pytest

from kubespan.controllers.peer_status import PEER_STATUS
from kubespan.model.peer import PeerState
from tests.builders import (
    NOW_S,
    a_device,
    a_peer_spec,
    a_peer_status,
    a_seen_peer,
    run_controller,
)


@pytest.mark.checklist(42)
def test_statuses_follow_device_and_their_own_past():
    found, _ = run_controller(
        PEER_STATUS, a_peer_spec(), a_device(a_seen_peer()), a_peer_status()
    )

    assert found == [a_peer_status()]


@pytest.mark.checklist(43)
def test_the_first_configuration_has_endpoints_already():
    spec = a_peer_spec()

    found, _ = run_controller(PEER_STATUS, spec, a_device(present=False))

    assert found is not None
    assert found[0].state is PeerState.UNKNOWN
    assert found[0].asserted_endpoint == spec.endpoints[0]


@pytest.mark.checklist(44)
def test_a_status_goes_with_its_peer():
    found, _ = run_controller(PEER_STATUS, a_device(a_seen_peer()), a_peer_status())

    assert found == []


def test_time_alone_moves_a_silent_peer_on():
    spec = a_peer_spec()
    silent = a_seen_peer(last_handshake_ns=0)
    first, _ = run_controller(PEER_STATUS, spec, a_device(present=False))

    later, _ = run_controller(
        PEER_STATUS, spec, a_device(silent), *(first or ()), now_s=NOW_S + 15
    )

    assert later is not None
    assert later[0].state is PeerState.DOWN
