from math import inf

import pytest

from kubespan.logic.peers.health import judge_peer, live_peers
from kubespan.model.peer import LivePeer, PeerState
from tests.builders import NOW_NS, NOW_S, a_public_key, a_seen_peer

UNKNOWN, UP, DOWN = PeerState.UNKNOWN, PeerState.UP, PeerState.DOWN
NS = 1_000_000_000
JUST = 1e-9


@pytest.mark.checklist(42)
@pytest.mark.parametrize(
    ("handshake_age_s", "endpoint_age_s", "used", "expected"),
    [
        # kubespan.md 4.3, upstream vectors
        pytest.param(3600, 3600, False, UNKNOWN, id="never tried, silent"),
        pytest.param(550, 550, True, DOWN, id="settled, silent"),
        pytest.param(550, 7.5, True, UNKNOWN, id="on trial"),
        pytest.param(0, 7.5, True, UP, id="on trial, answered"),
        pytest.param(0, 15 + JUST, True, UP, id="trial over, answered"),
        pytest.param(30, 15 + JUST, True, DOWN, id="trial over, answer older than it"),
        pytest.param(137.5, 275 + JUST, True, UP, id="settled, talking"),
        # the boundaries of the table
        pytest.param(inf, 15 - JUST, True, UNKNOWN, id="just before the trial ends"),
        pytest.param(inf, 15, True, DOWN, id="the trial ends at 15 s"),
        pytest.param(15, 15, True, DOWN, id="as old as the endpoint is not fresh"),
        pytest.param(275, 275, True, DOWN, id="at 275 s freshness still counts"),
        pytest.param(274, 275, True, UP, id="at 275 s, fresh"),
        pytest.param(275 - JUST, inf, True, UP, id="just before silence is too long"),
        pytest.param(275, inf, True, DOWN, id="silence is too long at 275 s"),
        pytest.param(274, inf, False, UP, id="it called us, we never tried"),
        pytest.param(inf, inf, False, UNKNOWN, id="nothing ever happened"),
        pytest.param(inf, inf, True, DOWN, id="adopted, then lost"),
    ],
)
def test_a_peer_is_judged_by_its_handshakes(
    handshake_age_s, endpoint_age_s, used, expected
):
    state = judge_peer(handshake_age_s, endpoint_age_s, endpoint_used=used)

    assert state is expected


@pytest.mark.parametrize(
    ("age_s", "alive"), [(0, True), (274, True), (275, False), (9999, False)]
)
def test_a_key_lives_for_275_seconds_after_its_handshake(age_s, alive):
    seen = a_seen_peer(last_handshake_ns=NOW_NS - age_s * NS)

    live = live_peers([seen], {}, NOW_S, NOW_NS)

    assert [peer.public_key for peer in live] == [seen.public_key] * alive


def test_a_key_without_handshake_does_not_live():
    assert live_peers([a_seen_peer(last_handshake_ns=0)], {}, NOW_S, NOW_NS) == []


def test_a_clock_jump_kills_no_key():
    at_ns = NOW_NS - 10 * NS
    seen = a_seen_peer(last_handshake_ns=at_ns)
    known = {str(a_public_key("node-b")): LivePeer(seen.public_key, at_ns, NOW_S - 10)}

    live = live_peers([seen], known, NOW_S + 1, NOW_NS + 3600 * NS)

    assert live == list(known.values())
