import asyncio

import pytest

from discovery.service.refusal import WatcherStalled
from discovery.service.stalls import Stalls

S = 10**9


async def test_message_that_is_sent_in_time_is_no_stall() -> None:
    stalls = Stalls(1.0, lambda: 0)

    await stalls.bound(asyncio.sleep(0))
    stalls.cut_off()


async def test_who_takes_too_long_is_cut_off_and_nobody_else() -> None:
    clock = [0]
    stalls = Stalls(1.0, lambda: clock[0])
    read = asyncio.Event()
    old = asyncio.create_task(stalls.bound(read.wait()))
    await asyncio.sleep(0)
    clock[0] = S // 2
    new = asyncio.create_task(stalls.bound(read.wait()))
    await asyncio.sleep(0)

    clock[0] = S
    stalls.cut_off()
    stalls.cut_off()

    with pytest.raises(WatcherStalled):
        await old
    read.set()
    await new


async def test_call_that_was_cut_off_can_still_send_its_status() -> None:
    clock = [0]
    stalls = Stalls(1.0, lambda: clock[0])

    async def a_call() -> str:
        try:
            await stalls.bound(asyncio.Event().wait())
        except WatcherStalled:
            await asyncio.sleep(0)
            return "told"
        return "sent"

    calling = asyncio.create_task(a_call())
    await asyncio.sleep(0)
    clock[0] = S
    stalls.cut_off()

    assert await calling == "told"


async def test_call_that_is_cancelled_is_cancelled() -> None:
    stalls = Stalls(1.0, lambda: 0)
    calling = asyncio.create_task(stalls.bound(asyncio.Event().wait()))
    await asyncio.sleep(0)

    calling.cancel()

    with pytest.raises(asyncio.CancelledError):
        await calling


async def test_call_that_is_cancelled_as_it_is_cut_off_is_cancelled() -> None:
    clock = [0]
    stalls = Stalls(1.0, lambda: clock[0])
    calling = asyncio.create_task(stalls.bound(asyncio.Event().wait()))
    await asyncio.sleep(0)

    clock[0] = S
    stalls.cut_off()
    calling.cancel()

    with pytest.raises(asyncio.CancelledError):
        await calling


async def test_stalls_are_looked_for_again_and_again() -> None:
    clock = [0]
    stalls = Stalls(0.01, lambda: clock[0])
    watching = asyncio.create_task(stalls.watch_forever())
    calling = asyncio.create_task(stalls.bound(asyncio.Event().wait()))
    await asyncio.sleep(0)

    clock[0] = S

    with pytest.raises(WatcherStalled):
        await asyncio.wait_for(calling, 5)
    watching.cancel()
