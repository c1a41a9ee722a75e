import asyncio
import errno
from pathlib import Path

import pytest

from discovery.drivers.log_segments import LogSegments
from discovery.stores.keeping import OldSegments
from discovery.stores.periodic import RETRY_S, PeriodicKeeper
from discovery.stores.restoring import Restored
from discovery.stores.trouble import Trouble
from tests.fakes.virtual_time import run_virtually

TEN_MINUTES_S = 600.0


class FakeSaver:
    """Remembers when it saved; fails while told to."""

    def __init__(self) -> None:
        self.saved_at_s: list[float] = []
        self.full = False

    async def save(self) -> int:
        if self.full:
            raise OSError(errno.ENOSPC, "No space left on device")
        self.saved_at_s.append(asyncio.get_running_loop().time())
        return 0


def a_keeper(
    saver: FakeSaver, folder: Path, interval_s: float = TEN_MINUTES_S
) -> tuple[PeriodicKeeper, LogSegments]:
    segments = LogSegments(folder / "state.binpb")
    restored = Restored(segments=segments.list())
    old = OldSegments(segments, restored, lambda: 0)
    return PeriodicKeeper(saver, old, Trouble(), interval_s), segments


async def keep_for(keeper: PeriodicKeeper, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await keeper.run()
    except TimeoutError:
        pass


# checklist 65; discovery.md 6.4, Schedule: 13 min: 1 save, +10: 2, the end: a third
def test_saves_every_ten_minutes_and_at_the_end(tmp_path: Path) -> None:
    saver = FakeSaver()
    keeper, _ = a_keeper(saver, tmp_path)

    async def scenario() -> list[int]:
        await keeper.open()
        counts = []
        for minutes in (13, 23):
            await keep_for(keeper, minutes * 60 + 1)
            counts.append(len(saver.saved_at_s))
            saver.saved_at_s.clear()
        await keeper.finish()
        return [*counts, len(saver.saved_at_s)]

    assert run_virtually(scenario()) == [1, 2, 1]


def test_failed_save_is_tried_again_sooner_and_told_meanwhile(tmp_path: Path) -> None:
    saver = FakeSaver()
    keeper, _ = a_keeper(saver, tmp_path)
    saver.full = True

    async def scenario() -> tuple[str, str]:
        async with asyncio.TaskGroup() as group:
            running = group.create_task(keeper.run())
            await asyncio.sleep(TEN_MINUTES_S + 1)
            problem = keeper.problem
            saver.full = False
            await asyncio.sleep(RETRY_S)
            running.cancel()
        return problem, keeper.problem

    during, after = run_virtually(scenario())

    assert "No space left" in during
    assert after == ""
    assert saver.saved_at_s == [TEN_MINUTES_S + RETRY_S]


def test_failure_at_the_end_is_raised(tmp_path: Path) -> None:
    saver = FakeSaver()
    keeper, _ = a_keeper(saver, tmp_path)
    saver.full = True

    with pytest.raises(OSError, match="No space left"):
        run_virtually(keeper.finish())


def test_interval_of_next_to_nothing_leaves_time_to_breathe(tmp_path: Path) -> None:
    saver = FakeSaver()
    keeper, _ = a_keeper(saver, tmp_path, interval_s=1e-9)

    run_virtually(keep_for(keeper, 10))

    assert 100 <= len(saver.saved_at_s) <= 201


def test_log_of_an_earlier_choice_is_replaced_at_once(tmp_path: Path) -> None:
    LogSegments(tmp_path / "state.binpb").begin().close()
    saver = FakeSaver()
    keeper, segments = a_keeper(saver, tmp_path)

    run_virtually(keeper.open())

    assert saver.saved_at_s == [0.0]
    assert segments.list() == []


def test_log_stays_until_a_snapshot_is_saved(tmp_path: Path) -> None:
    LogSegments(tmp_path / "state.binpb").begin().close()
    saver = FakeSaver()
    saver.full = True
    keeper, segments = a_keeper(saver, tmp_path)

    run_virtually(keeper.open())
    before = segments.list()
    saver.full = False
    run_virtually(keep_for(keeper, RETRY_S + 1))

    assert len(before) == 1
    assert segments.list() == []
    assert keeper.note("c", "a") is None
