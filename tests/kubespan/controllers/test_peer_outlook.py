from kubespan.controllers.peer_outlook import PEER_OUTLOOK
from kubespan.logic.peers.outlook import outlook
from tests.builders import a_peer_spec, a_peer_status, run_controller


def test_every_peer_with_a_status_has_an_outlook():
    spec, status = a_peer_spec(), a_peer_status()

    found, _ = run_controller(PEER_OUTLOOK, spec, status, a_peer_spec("no status yet"))

    assert found == [outlook(spec, status)]
