import asyncio
import itertools
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from discovery.service.draining import end_watches
from discovery.service.watchers import Watchers, WatchLimits


@contextmanager
def watched(count: int) -> Iterator[Watchers]:
    """Watches of many clusters."""
    watchers = Watchers(WatchLimits(1000, 1000))
    with ExitStack() as stack:
        for number in range(count):
            stack.enter_context(watchers.opened(f"c{number % 7}")).begin(())
        yield watchers


def ended(watchers: Watchers) -> int:
    return sum(watch.begin(()) == () for watch in watchers.watches)


async def test_watches_end_one_after_the_other() -> None:
    seen = []
    with watched(100) as watchers:
        async with asyncio.TaskGroup() as group:
            draining = group.create_task(end_watches(watchers, 1.0, asyncio.Event()))
            while not draining.done():
                seen.append(ended(watchers))
                await asyncio.sleep(0.01)
        steps = [b - a for a, b in itertools.pairwise(seen)]

        assert ended(watchers) == 100
    assert max(steps) <= 20
    assert sum(step > 0 for step in steps) >= 5


async def test_the_last_client_has_time_to_come_back_and_hear_where_to_go() -> None:
    with watched(3) as watchers:
        async with asyncio.TaskGroup() as group:
            draining = group.create_task(end_watches(watchers, 1.0, asyncio.Event()))
            while ended(watchers) < 3:
                await asyncio.sleep(0.01)
            started = asyncio.get_running_loop().time()
            await draining

    assert asyncio.get_running_loop().time() - started > 0.4


async def test_without_time_to_drain_nothing_is_waited_for() -> None:
    with watched(3) as watchers:
        async with asyncio.timeout(1):
            await end_watches(watchers, 0.0, asyncio.Event())


@pytest.mark.parametrize("count", [0, 5])
async def test_who_is_in_a_hurry_waits_no_longer(count: int) -> None:
    hurry = asyncio.Event()
    with watched(count) as watchers:
        async with asyncio.timeout(2), asyncio.TaskGroup() as group:
            group.create_task(end_watches(watchers, 3600.0, hurry))
            await asyncio.sleep(0.01)
            hurry.set()
