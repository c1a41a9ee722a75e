import asyncio
import logging

import pytest

from discovery.service.stalls import Stalls
from discovery.service.upkeep import upkeep
from discovery.state.rate_limit import RateLimiter
from tests.fakes.virtual_time import run_virtually

S = 10**9


class SweptStore:
    """Counts sweeps; each may fail."""

    def __init__(self, *, fails: bool = False) -> None:
        self.sweeps = 0
        self._fails = fails

    async def sweep(self) -> None:
        self.sweeps += 1
        if self._fails:
            raise OSError("no")


def loop_ns() -> int:
    return round(asyncio.get_running_loop().time() * S)


def kept_up(store: SweptStore, limiter: RateLimiter, seconds: float) -> None:
    async def scenario() -> None:
        stalls = Stalls(60.0, loop_ns)
        async with upkeep(store, 10.0, limiter, stalls, loop_ns):
            await asyncio.sleep(seconds)

    run_virtually(scenario())


@pytest.mark.parametrize(("seconds", "sweeps"), [(1.0, 1), (9.0, 1), (25.0, 3)])
def test_sweep_is_done_at_the_start_and_at_every_interval(
    seconds: float, sweeps: int
) -> None:
    store = SweptStore()

    kept_up(store, RateLimiter(1.0, 1), seconds)

    assert store.sweeps == sweeps


def test_failing_sweep_is_told_and_tried_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.ERROR)
    store = SweptStore(fails=True)

    kept_up(store, RateLimiter(1.0, 1), 15.0)

    assert store.sweeps == 2
    assert [record.message for record in caplog.records] == ["sweep failed"] * 2


def test_clients_that_are_silent_for_a_minute_are_forgotten() -> None:
    limiter = RateLimiter(1.0, 1)
    limiter.reserve("somebody", 0)

    kept_up(SweptStore(), limiter, 61.0)

    assert len(limiter) == 0


def test_watcher_that_does_not_read_is_cut_off() -> None:
    async def scenario() -> list[type[BaseException]]:
        stalls, ends = Stalls(1.0, loop_ns), []

        async def watch() -> None:
            try:
                await stalls.bound(asyncio.Event().wait())
            except Exception as error:  # noqa: BLE001 - its name is looked at
                ends.append(type(error).__name__)

        async with upkeep(
            SweptStore(), 10.0, RateLimiter(1.0, 1), stalls, loop_ns
        ) as g:
            g.create_task(watch())
            await asyncio.sleep(2.0)
        return ends

    assert run_virtually(scenario()) == ["WatcherStalled"]
