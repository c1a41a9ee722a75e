from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubespan.logic.peers.handshake_age import age_s, handshake_instant_s
from tests.builders import NOW_NS, NOW_S

NS = 1_000_000_000
JUMP = 3600 * NS


def test_never_is_never():
    assert handshake_instant_s(0, 0, None, NOW_S, NOW_NS) is None
    assert age_s(None, NOW_S) == inf


def test_a_first_sight_is_placed_by_the_wall_clock():
    assert handshake_instant_s(NOW_NS - 30 * NS, 0, None, NOW_S, NOW_NS) == NOW_S - 30


@pytest.mark.parametrize("jump_ns", [JUMP, -JUMP])
def test_a_clock_jump_does_not_change_the_age_of_a_known_handshake(jump_ns):
    at_ns = NOW_NS - 10 * NS

    later = handshake_instant_s(at_ns, at_ns, NOW_S - 10, NOW_S + 1, NOW_NS + jump_ns)

    assert later == NOW_S - 10


def test_a_handshake_from_the_future_is_now():
    assert handshake_instant_s(NOW_NS + JUMP, 0, None, NOW_S, NOW_NS) == NOW_S


def test_a_new_handshake_is_not_older_than_the_one_before():
    # the wall clock jumped an hour ahead between the handshake and our look at it
    instant = handshake_instant_s(
        NOW_NS, NOW_NS - 120 * NS, NOW_S - 120, NOW_S, NOW_NS + JUMP
    )

    assert instant == NOW_S - 120


@given(
    st.integers(0, 2**62),
    st.integers(0, 2**62),
    st.none() | st.floats(0, 1e9),
    st.floats(0, 1e9),
    st.integers(0, 2**62),
)
def test_no_handshake_is_ever_in_the_future(at_ns, known_ns, known_s, now_s, now_ns):
    instant = handshake_instant_s(at_ns, known_ns, known_s, now_s, now_ns)

    assert instant is None or instant == known_s or instant <= now_s
    assert age_s(instant, now_s) >= 0
