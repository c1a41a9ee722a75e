"""The life of one peer, a look at a time."""

from dataclasses import dataclass, field

import pytest

from kubespan.logic.peers.status import Moment, next_status
from kubespan.model.endpoint import Endpoint
from kubespan.model.peer import PeerSpec, PeerState, PeerStatus
from kubespan.model.wireguard import WireGuardPeerSeen
from tests.builders import (
    NOW_NS,
    NOW_S,
    a_peer_spec,
    a_peer_status,
    a_seen_peer,
    changed,
    endpoints,
)

A, B, ROAMED = endpoints("10.0.0.1:51820", "10.0.0.2:51820", "203.0.113.9:4000")
NS = 1_000_000_000


@dataclass
class Watched:
    """A peer and a device that does what it is told at once."""

    spec: PeerSpec = field(default_factory=lambda: a_peer_spec(endpoints=(A, B)))
    seen: WireGuardPeerSeen | None = None
    status: PeerStatus | None = None
    at_s: float = 0.0

    def look(self, after_s: float = 0.0) -> PeerStatus:
        self.at_s += after_s
        moment = Moment(NOW_S + self.at_s, NOW_NS + int(self.at_s * NS))
        self.status = next_status(self.spec, self.seen, self.status, moment)
        self.obey()
        return self.status

    def obey(self) -> None:
        if self.status and self.status.asserted_endpoint:
            before = self.seen or a_seen_peer(last_handshake_ns=0)
            self.seen = changed(before, endpoint=self.status.asserted_endpoint)

    def shake_hands(self, endpoint: Endpoint | None = None) -> None:
        assert self.seen is not None
        self.seen = changed(
            self.seen,
            last_handshake_ns=NOW_NS + int(self.at_s * NS),
            endpoint=endpoint or self.seen.endpoint,
        )


def test_a_new_peer_is_on_trial_with_its_first_endpoint():
    peer = Watched()

    status = peer.look()

    assert status.state is PeerState.UNKNOWN
    assert status.endpoint == status.last_used_endpoint == A
    assert status.asserted_endpoint == A
    assert status.last_endpoint_change_ns == NOW_NS


@pytest.mark.checklist(43)
def test_a_silent_peer_is_given_the_next_endpoint_after_each_trial():
    peer = Watched()
    peer.look()

    used = [peer.look(after_s=1).last_used_endpoint for _ in range(48)]

    assert used == [A] * 14 + [B] * 15 + [A] * 15 + [B] * 4


def test_a_trial_begins_once_the_device_has_the_peer():
    peer = Watched()
    peer.look()

    for _ in range(100):
        peer.seen = None  # the device refuses to take it
        status = peer.look(after_s=1)

    assert status.state is PeerState.UNKNOWN
    assert status.last_used_endpoint == A
    assert status.last_endpoint_change_ns == NOW_NS


def test_a_trial_counts_from_the_last_look_at_a_device_without_the_peer():
    # a handshake that follows within milliseconds must not seem older than the trial
    spec = a_peer_spec(endpoints=(A, B))
    picked = next_status(spec, None, None, Moment(NOW_S, NOW_NS, NOW_S - 1))

    again = next_status(spec, None, picked, Moment(NOW_S + 9, NOW_NS, NOW_S + 5))
    stale = next_status(spec, None, picked, Moment(NOW_S + 9, NOW_NS, NOW_S - 1))

    assert picked.endpoint_changed_s == NOW_S
    assert again.endpoint_changed_s == NOW_S + 5
    assert stale.endpoint_changed_s == NOW_S


def test_an_answer_makes_a_peer_up():
    peer = Watched()
    peer.look()
    peer.look(after_s=1)
    peer.shake_hands()

    status = peer.look(after_s=1)

    assert status.state is PeerState.UP
    assert status.asserted_endpoint == A


@pytest.mark.checklist(42)
def test_a_peer_is_lost_after_275_seconds_of_silence_and_tried_elsewhere():
    peer = Watched()
    peer.look()
    peer.look(after_s=1)
    peer.shake_hands()

    assert peer.look(after_s=274).state is PeerState.UP
    status = peer.look(after_s=1)

    assert status.state is PeerState.UNKNOWN
    assert status.last_used_endpoint == B


@pytest.mark.checklist(43)
def test_a_single_endpoint_is_not_set_again():
    peer = Watched(a_peer_spec(endpoints=(A,)))
    peer.look()
    peer.look(after_s=1)

    status = peer.look(after_s=20)

    assert status.state is PeerState.DOWN
    assert status.last_endpoint_change_ns == NOW_NS
    assert status.asserted_endpoint == A


@pytest.mark.checklist(43)
def test_a_peer_that_roamed_is_left_alone_while_it_is_up():
    peer = Watched()
    peer.look()
    peer.look(after_s=1)
    peer.shake_hands(ROAMED)

    status = peer.look(after_s=1)

    assert status.state is PeerState.UP
    assert status.endpoint == ROAMED
    assert status.last_used_endpoint == A
    assert status.asserted_endpoint is None


@pytest.mark.checklist(43)
def test_what_was_asserted_is_forgotten_once_a_peer_roams_later():
    peer = Watched()
    peer.look()
    peer.look(after_s=1)
    peer.shake_hands()
    peer.look(after_s=1)
    assert peer.seen is not None
    peer.seen = changed(peer.seen, endpoint=ROAMED)

    assert peer.look(after_s=1).asserted_endpoint is None


def test_a_trial_is_told_to_the_device_until_it_obeyed():
    slow = a_seen_peer(endpoint=B, last_handshake_ns=0)
    before = a_peer_status(
        state=PeerState.UNKNOWN,
        last_used_endpoint=A,
        endpoint_changed_s=NOW_S - 1,
        last_handshake_ns=0,
        handshake_s=None,
    )

    status = next_status(
        a_peer_spec(endpoints=(A, B)), slow, before, Moment(NOW_S, NOW_NS)
    )

    assert status.asserted_endpoint == A


def test_a_peer_that_called_us_is_never_pointed_elsewhere():
    # its endpoints become known only after it called
    inbound = a_seen_peer(endpoint=ROAMED)
    moment = Moment(NOW_S, NOW_NS)
    before = next_status(a_peer_spec(endpoints=()), None, None, moment)

    status = next_status(a_peer_spec(endpoints=(A, B)), inbound, before, moment)

    assert status.state is PeerState.UP
    assert status.endpoint == ROAMED
    assert status.last_used_endpoint is None
    assert status.asserted_endpoint is None


def test_a_peer_without_endpoints_waits_to_be_called():
    silent = a_seen_peer(endpoint=None, last_handshake_ns=0)

    status = next_status(a_peer_spec(endpoints=()), silent, None, Moment(NOW_S, NOW_NS))

    assert status.state is PeerState.UNKNOWN
    assert status.endpoint is None
    assert status.asserted_endpoint is None


def test_after_a_restart_what_works_is_adopted_and_nothing_is_set():
    working = a_seen_peer(endpoint=ROAMED)

    status = next_status(
        a_peer_spec(endpoints=(A, B)), working, None, Moment(NOW_S, NOW_NS)
    )

    assert status.state is PeerState.UP
    assert status.last_used_endpoint == ROAMED
    assert status.endpoint_changed_s is None
    assert status.last_endpoint_change_ns == 0
    assert status.asserted_endpoint == ROAMED


def test_after_a_restart_what_is_silent_starts_anew():
    dead = a_seen_peer(endpoint=ROAMED, last_handshake_ns=NOW_NS - 275 * NS)

    status = next_status(
        a_peer_spec(endpoints=(A, B)), dead, None, Moment(NOW_S, NOW_NS)
    )

    assert status.state is PeerState.UNKNOWN
    assert status.last_used_endpoint == A


@pytest.mark.parametrize(
    "seen",
    [
        pytest.param(None, id="link gone"),
        pytest.param(a_seen_peer(endpoint=None, last_handshake_ns=0), id="link new"),
    ],
)
def test_a_device_made_anew_gets_the_endpoint_that_worked(seen):
    before = a_peer_status(endpoint=ROAMED, last_used_endpoint=A)

    status = next_status(
        a_peer_spec(endpoints=(A, B)), seen, before, Moment(NOW_S, NOW_NS)
    )

    assert status.state is PeerState.UNKNOWN
    assert status.asserted_endpoint == status.last_used_endpoint == ROAMED
    assert status.endpoint_changed_s == NOW_S
    assert status.handshake_s is None


def test_counters_and_handshake_are_copied_and_the_endpoint_unmapped():
    (mapped,) = endpoints("[::ffff:10.0.0.1]:51820")
    seen = a_seen_peer(endpoint=mapped, receive_bytes=7, transmit_bytes=9)

    status = next_status(a_peer_spec(), seen, a_peer_status(), Moment(NOW_S, NOW_NS))

    assert status.endpoint == A
    assert (status.receive_bytes, status.transmit_bytes) == (7, 9)
    assert status.last_handshake_ns == NOW_NS - 10 * NS


def test_a_clock_jump_changes_no_state():
    seen, before = a_seen_peer(), a_peer_status()

    status = next_status(
        a_peer_spec(), seen, before, Moment(NOW_S + 1, NOW_NS + 3600 * NS)
    )

    assert status.state is PeerState.UP
