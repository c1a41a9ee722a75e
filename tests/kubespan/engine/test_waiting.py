import asyncio

import pytest

from kubespan.engine.waiting import wait_at_most


async def test_event_ends_the_wait():
    event = asyncio.Event()
    event.set()

    assert await wait_at_most(event, 5)
    assert await wait_at_most(event, None)


async def test_time_ends_the_wait():
    assert not await wait_at_most(asyncio.Event(), 0)


async def test_cancellation_is_not_lost_when_it_comes_with_the_event():
    event = asyncio.Event()
    waiting = asyncio.get_running_loop().create_task(wait_at_most(event, 5))
    await asyncio.sleep(0)

    event.set()
    waiting.cancel()

    with pytest.raises(asyncio.CancelledError):
        await waiting
