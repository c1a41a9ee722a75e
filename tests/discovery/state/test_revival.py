import pytest
from hypothesis import given
from hypothesis import strategies as st

from discovery.state.limits import NS_PER_S, TTL_NS_MAX
from discovery.state.revival import Revival
from tests.discovery.records import NOW_NS, WALL_NS

GRACE_S = 300


def life_s(remaining_s: float, elapsed_s: float) -> float:
    """How long what had so much left lives on after so long an outage."""
    revival = Revival.after(
        WALL_NS - round(elapsed_s * NS_PER_S),
        wall_ns=WALL_NS,
        now_ns=NOW_NS,
        grace_ns=GRACE_S * NS_PER_S,
    )
    expires_ns = revival.expires_ns(round(remaining_s * NS_PER_S))
    return (expires_ns - NOW_NS) / NS_PER_S


# checklist 63: relative, downtime not counted, but for a bounded grace (D)
@pytest.mark.parametrize(
    ("remaining_s", "elapsed_s", "expected_s"),
    [
        pytest.param(1800, 0, 1800, id="no outage"),
        pytest.param(1800, 10, 1790, id="short outage"),
        # discovery.md 4.3 [V]: 3 s left, 6 s outage, good for 3 s
        pytest.param(3, 6, 3, id="outage longer than what was left"),
        pytest.param(1800, 3600, GRACE_S, id="long outage leaves the grace"),
        pytest.param(100, 3600, 100, id="and not more than there was"),
        pytest.param(0, 0, 0, id="over when written"),
        pytest.param(-60, 0, -60, id="overdue when written"),
        pytest.param(-60, 3600, -60, id="overdue and an outage"),
    ],
)
def test_life_goes_on_where_it_stopped_but_for_a_bounded_grace(
    remaining_s: float, elapsed_s: float, expected_s: float
) -> None:
    assert life_s(remaining_s, elapsed_s) == expected_s


@pytest.mark.parametrize("years", [1, 50], ids=["one year", "fifty years"])
def test_clock_that_was_set_back_counts_as_no_outage(years: int) -> None:
    assert life_s(600, -years * 365 * 86400) == 600


@pytest.mark.parametrize("years", [1, 50], ids=["one year", "fifty years"])
def test_clock_that_was_set_ahead_leaves_the_grace(years: int) -> None:
    assert life_s(600, years * 365 * 86400) == GRACE_S


def test_life_no_update_could_give_is_not_believed() -> None:
    assert life_s(2**62, 0) == TTL_NS_MAX / NS_PER_S


def test_as_written_gives_back_what_was_left() -> None:
    revival = Revival.as_written(WALL_NS)

    assert revival.expires_ns(-5) == -5
    assert revival.expires_ns(2**63) == 2**63


@given(
    remaining=st.integers(-(2**63), 2**63),
    written=st.integers(-(2**63), 2**63),
    wall=st.integers(0, 2**63),
    grace=st.integers(0, 2**50),
)
def test_nothing_lives_longer_than_it_had_left(
    remaining: int, written: int, wall: int, grace: int
) -> None:
    revival = Revival.after(written, wall_ns=wall, now_ns=NOW_NS, grace_ns=grace)

    life_ns = revival.expires_ns(remaining) - NOW_NS

    assert life_ns <= max(remaining, 0)
    assert life_ns <= TTL_NS_MAX
    assert life_ns >= min(remaining, grace, TTL_NS_MAX)
