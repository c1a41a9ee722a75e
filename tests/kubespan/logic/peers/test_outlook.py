from kubespan.logic.peers.outlook import outlook
from kubespan.model.peer import PeerState
from tests.builders import NOW_NS, a_peer_spec, a_peer_status, endpoints

A, B = endpoints("10.0.0.1:51820", "10.0.0.2:51820")
NS = 1_000_000_000


def silent(state: PeerState, **changes):
    values = {
        "endpoint": A,
        "last_used_endpoint": A,
        "last_endpoint_change_ns": NOW_NS,
        "state": state,
    }
    return a_peer_status(**{**values, **changes})


def test_a_peer_that_is_up_needs_no_words():
    spec, status = a_peer_spec(), a_peer_status(receive_bytes=3, transmit_bytes=4)

    found = outlook(spec, status)

    assert (found.name, found.address) == (spec.label, spec.address)
    assert (found.state, found.endpoint) == (status.state, status.endpoint)
    assert (found.receive_bytes, found.transmit_bytes) == (3, 4)
    assert (found.reason, found.next_endpoint, found.next_attempt_ns) == ("", None, 0)


def test_a_trial_says_what_comes_after_it_and_when():
    found = outlook(a_peer_spec(endpoints=(A, B)), silent(PeerState.UNKNOWN))

    assert found.reason == "trying 10.0.0.1:51820, no answer yet"
    assert found.next_endpoint == B
    assert found.next_attempt_ns == NOW_NS + 15 * NS


def test_a_single_endpoint_is_left_to_wireguard():
    found = outlook(a_peer_spec(endpoints=(A,)), silent(PeerState.DOWN))

    assert "its only endpoint" in found.reason
    assert found.next_endpoint is None


def test_a_peer_without_endpoints_must_call_us():
    status = silent(PeerState.UNKNOWN, last_used_endpoint=None, endpoint=None)

    assert (
        "waiting for it to call us" in outlook(a_peer_spec(endpoints=()), status).reason
    )


def test_a_peer_whose_endpoints_vanished_says_so():
    found = outlook(a_peer_spec(endpoints=()), silent(PeerState.DOWN))

    assert "no longer announces" in found.reason


def test_a_peer_never_tried_says_so():
    status = silent(PeerState.UNKNOWN, last_used_endpoint=None)

    assert "no endpoint has been tried" in outlook(a_peer_spec(), status).reason


def test_a_peer_that_is_down_has_its_next_endpoint_at_once():
    found = outlook(a_peer_spec(endpoints=(A, B)), silent(PeerState.DOWN))

    assert found.reason == "no answer from 10.0.0.1:51820"
    assert (found.next_endpoint, found.next_attempt_ns) == (B, 0)
