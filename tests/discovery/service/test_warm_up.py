import asyncio

import pytest

from discovery.service.warm_up import WarmUp, hold


def test_cluster_is_seen_once_nobody_was_added_for_a_moment() -> None:
    warm_up = WarmUp(1.0, started_s=100.0)

    warm_up.called("c", 101.0)
    nobody_yet = warm_up.due_s("c", 101.0)
    warm_up.added("c", 101.2)
    one = warm_up.due_s("c", 101.25)
    warm_up.added("c", 101.4)
    two = warm_up.due_s("c", 101.45)

    assert (nobody_yet, one, two) == pytest.approx((101.25, 101.45, 101.65))


def test_nobody_waits_longer_than_a_second_after_the_first_call() -> None:
    warm_up = WarmUp(1.0, started_s=100.0)

    for tenth in range(20):
        warm_up.added("c", 101 + tenth / 10)

    assert warm_up.due_s("c", 103.0) == 102.0


def test_clusters_wait_each_for_itself() -> None:
    warm_up = WarmUp(1.0, started_s=100.0)
    warm_up.called("early", 100.0)
    warm_up.called("late", 110.0)
    warm_up.added("late", 110.1)

    assert warm_up.due_s("early", 110.1) < 110.1
    assert warm_up.due_s("late", 110.1) == pytest.approx(110.35)


@pytest.mark.parametrize(
    ("hold_max_s", "now_s"),
    [
        pytest.param(0.0, 100.0, id="switched off"),
        pytest.param(1.0, 160.0, id="a minute after the start"),
    ],
)
def test_nobody_waits_otherwise(hold_max_s: float, now_s: float) -> None:
    warm_up = WarmUp(hold_max_s, started_s=100.0)

    warm_up.called("c", now_s)
    warm_up.added("c", now_s)

    assert warm_up.due_s("c", now_s) == now_s


def test_nothing_is_remembered_after_a_minute() -> None:
    warm_up = WarmUp(1.0, started_s=100.0)
    warm_up.called("c", 159.9)

    assert warm_up.due_s("c", 160.0) == 160.0
    assert warm_up._return_by_cluster == {}


async def test_holding_goes_on_while_affiliates_are_added(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    warm_up, now = WarmUp(1.0, started_s=100.0), [100.0]
    slept: list[float] = []

    async def sleep(delay_s: float) -> None:
        slept.append(round(delay_s, 3))
        now[0] += delay_s
        if len(slept) == 1:
            warm_up.added("c", now[0] - 0.1)

    monkeypatch.setattr(asyncio, "sleep", sleep)
    await hold(warm_up, "c", lambda: now[0])

    assert slept == [0.25, 0.15]
