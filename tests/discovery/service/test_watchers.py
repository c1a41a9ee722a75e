import asyncio

import pytest

from discovery.api import cluster_pb2 as pb
from discovery.metrics.metrics import Metrics
from discovery.service.audience import Watch
from discovery.service.refusal import Exhausted
from discovery.service.warm_up import WarmUp
from discovery.service.watchers import Watchers, WatchLimits, watchers_from_settings
from discovery.settings import Settings
from discovery.state.affiliate import Affiliate
from discovery.state.cluster import Change
from tests.fakes.timer import FakeTimer

NEWS = Change("a", Affiliate("a", b"news", 0, ()), created=True)


async def next_ids(watch: Watch) -> list[str]:
    messages = await watch.next_messages() or ()
    decoded = map(pb.WatchResponse.FromString, messages)
    return [affiliate.id for message in decoded for affiliate in message.affiliates]


async def test_watcher_hears_of_its_cluster_alone() -> None:
    timer = FakeTimer()
    watchers = Watchers(timer=timer)

    with watchers.opened("c") as here, watchers.opened("other") as there:
        here.begin(())
        there.begin(())
        watchers.announce("c", NEWS)
        timer.pass_time(0.1)
        there.close()

        assert await next_ids(here) == ["a"]
        assert await there.next_messages() is None


def test_cluster_is_watched_as_long_as_somebody_does() -> None:
    watchers = Watchers()

    with watchers.opened("c"):
        with watchers.opened("c") as two:
            assert len(watchers) == 2
            assert two in watchers.watches
        assert watchers.is_watched("c")
        assert len(watchers) == 1

    assert not watchers.is_watched("c")
    assert len(watchers) == 0
    assert watchers.watches == ()


def test_nothing_is_kept_of_a_cluster_nobody_watches() -> None:
    timer = FakeTimer()
    watchers = Watchers(timer=timer)

    watchers.announce("c", NEWS)

    assert timer.due == []
    assert not watchers.is_watched("c")


@pytest.mark.parametrize(
    "limits",
    [
        pytest.param(WatchLimits(2, 9), id="of the service"),
        pytest.param(WatchLimits(9, 2), id="of the cluster"),
    ],
)
def test_one_watch_too_many_is_refused(limits: WatchLimits) -> None:
    watchers = Watchers(limits)

    with watchers.opened("c"):
        with watchers.opened("c"), pytest.raises(Exhausted), watchers.opened("c"):
            pass
        with watchers.opened("c"):
            assert len(watchers) == 2


def test_refused_watch_of_a_new_cluster_leaves_nothing() -> None:
    watchers = Watchers(WatchLimits(watches_max=0))

    with pytest.raises(Exhausted), watchers.opened("c"):
        pass

    assert not watchers.is_watched("c")


async def test_closing_ends_every_watch_and_those_to_come() -> None:
    watchers = Watchers()

    with watchers.opened("c") as before:
        before.begin(())
        watchers.close()
        assert await before.next_messages() is None
    with watchers.opened("c") as after:
        assert after.begin(()) == ()
        assert await after.next_messages() is None


async def test_cluster_that_comes_back_is_waited_for() -> None:
    timer = FakeTimer()
    watchers = Watchers(warm_up=WarmUp(1.0, started_s=timer.now_s()), timer=timer)
    watchers.announce("c", NEWS)

    waiting = asyncio.create_task(watchers.warm_up("c"))
    await asyncio.sleep(0)
    held = not waiting.done()
    waiting.cancel()
    timer.pass_time(0.25)
    await watchers.warm_up("c")

    assert held


async def test_settings_say_how_watches_are_served() -> None:
    metrics = Metrics()
    settings = Settings(watches_max=1, fan_out_delay_s=0.0)
    watchers = watchers_from_settings(settings, metrics)

    with watchers.opened("c") as watch:
        watch.begin(())
        watchers.announce("c", NEWS)

        assert await next_ids(watch) == ["a"]
        with pytest.raises(Exhausted), watchers.opened("other"):
            pass
    assert metrics.batch.sum == 1
