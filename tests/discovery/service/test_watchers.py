import asyncio

import pytest

from discovery.service.watch_messages import announcement_from_change
from discovery.service.watchers import Watchers
from discovery.state.affiliate import Affiliate
from discovery.state.cluster import Change

NEWS = Change("a", Affiliate("a", b"news", 0, ()))
TOLD = announcement_from_change(NEWS).message


async def test_snapshot_and_its_continuation_come_first() -> None:
    subscription = Watchers().subscribe("c", [b"1", b"2"])
    subscription.offer(announcement_from_change(NEWS))

    messages = [await subscription.next_message() for _ in range(3)]

    assert messages == [b"1", b"2", TOLD]


async def test_watcher_of_another_cluster_hears_nothing() -> None:
    watchers = Watchers()
    here, there = watchers.subscribe("c", []), watchers.subscribe("other", [])

    watchers.announce("c", NEWS)
    there.close()

    assert await here.next_message() == TOLD
    assert await there.next_message() is None


async def test_sleeping_watcher_is_woken() -> None:
    watchers = Watchers()
    subscription = watchers.subscribe("c", [])

    async with asyncio.TaskGroup() as group:
        reading = group.create_task(subscription.next_message())
        await asyncio.sleep(0)
        watchers.announce("c", NEWS)

    assert reading.result() == TOLD


async def test_closing_ends_every_watch_and_those_to_come() -> None:
    watchers = Watchers()
    before = watchers.subscribe("c", [b"snapshot"])

    watchers.close()

    assert await before.next_message() is None
    assert await watchers.subscribe("c", [b"snapshot"]).next_message() is None


def test_cluster_is_watched_as_long_as_somebody_does() -> None:
    watchers = Watchers()
    one, two = watchers.subscribe("c", []), watchers.subscribe("c", [])

    watchers.unsubscribe("c", one)
    watchers.unsubscribe("c", one)

    assert watchers.is_watched("c")
    assert len(watchers) == 1
    watchers.unsubscribe("c", two)
    assert not watchers.is_watched("c")


@pytest.mark.parametrize("bursts", [1, 50])
async def test_burst_costs_a_watcher_one_message(bursts: int) -> None:
    watchers = Watchers()
    subscription = watchers.subscribe("c", [])

    for _ in range(bursts):
        watchers.announce("c", NEWS)

    assert await subscription.next_message() == TOLD
    watchers.close()
    assert await subscription.next_message() is None
