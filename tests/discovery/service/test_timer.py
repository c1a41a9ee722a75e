import asyncio

from discovery.service.timer import LoopTimer


async def test_callback_comes_when_its_time_has_come() -> None:
    timer, called = LoopTimer(), asyncio.Event()
    started_s = timer.now_s()

    timer.call_later(0.01, called.set)

    assert not called.is_set()
    await asyncio.wait_for(called.wait(), 10)
    assert timer.now_s() - started_s >= 0.009
