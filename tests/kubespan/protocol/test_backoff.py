import pytest

from kubespan.protocol.backoff import Backoff


@pytest.mark.checklist(31)
def test_delays_grow_by_half_up_to_a_minute():
    backoff = Backoff(lambda: 0.5)

    delays_s = [round(backoff.next_s(), 2) for _ in range(14)]

    # discovery.md 5.3 lists the steps before the spread
    assert delays_s == [
        *(0.5, 0.75, 1.12, 1.69, 2.53, 3.8, 5.7),
        *(8.54, 12.81, 19.22, 28.83, 43.25, 60, 60),
    ]


@pytest.mark.parametrize(
    ("chance", "expected_s"),
    [
        pytest.param(0.0, 0.25, id="half"),
        pytest.param(0.999, 0.75, id="half as much again"),
    ],
)
def test_each_delay_is_spread_by_half(chance: float, expected_s: float):
    assert Backoff(lambda: chance).next_s() == pytest.approx(expected_s, abs=0.001)


def test_after_a_reset_the_shortest_delay_is_next():
    backoff = Backoff(lambda: 0.5)
    backoff.next_s()
    backoff.next_s()

    backoff.reset()

    assert backoff.next_s() == 0.5
