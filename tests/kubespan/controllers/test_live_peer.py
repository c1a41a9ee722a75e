from kubespan.controllers.live_peer import LIVE_PEER
from tests.builders import NOW_NS, NOW_S, a_device, a_seen_peer, run_controller

LIVE = a_seen_peer("live")
DEAD = a_seen_peer("dead", last_handshake_ns=NOW_NS - 275_000_000_000)


def test_keys_that_shook_hands_lately_live():
    found, _ = run_controller(LIVE_PEER, a_device(LIVE, DEAD))

    assert [peer.public_key for peer in found or ()] == [LIVE.public_key]


def test_a_clock_jump_kills_nobody():
    first, _ = run_controller(LIVE_PEER, a_device(LIVE))
    jumped_ns = NOW_NS + 3600 * 1_000_000_000

    later, _ = run_controller(
        LIVE_PEER, a_device(LIVE), *(first or ()), now_s=NOW_S + 1, now_ns=jumped_ns
    )

    assert later == first


def test_without_a_device_nobody_lives():
    assert run_controller(LIVE_PEER, a_device(present=False))[0] == []
    assert run_controller(LIVE_PEER)[0] == []
