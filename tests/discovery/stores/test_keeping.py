from pathlib import Path

import pytest

from discovery.drivers.log_segments import LogSegments
from discovery.stores.keeping import Forgetting, OldSegments
from discovery.stores.restoring import Restored
from tests.discovery.records import WALL_NS


@pytest.fixture
def segments(tmp_path: Path) -> LogSegments:
    segments = LogSegments(tmp_path / "state.binpb")
    for _ in range(3):
        segments.begin().close()
    return segments


def test_oldest_go_first_and_damaged_ones_are_kept_aside(
    segments: LogSegments, tmp_path: Path
) -> None:
    one, two, three = segments.list()
    old = OldSegments(segments, Restored(segments=[one], damaged_segments={one}), wall)
    old.add(two)

    superfluous = len(old)
    old.add(three)
    old.remove(superfluous)

    assert len(old) == 1
    assert segments.list() == [three]
    asides = [path.name for path in tmp_path.glob("*corrupt*")]
    assert asides == ["state.binpb.log.1.corrupt-1700000000"]


def test_segment_that_cannot_be_removed_keeps_the_newer_ones(
    segments: LogSegments,
) -> None:
    one, two, three = segments.list()
    old = OldSegments(segments, Restored(segments=[one, two, three]), wall)
    two.unlink()
    two.mkdir()

    with pytest.raises(OSError, match=r"directory|permitted"):
        old.remove(3)

    assert segments.list() == [two, three]
    assert len(old) == 2


async def test_forgetting_keeps_nothing_and_is_never_in_trouble() -> None:
    keeper = Forgetting()

    await keeper.open()
    keeper.note("c", "a")
    await keeper.run()
    await keeper.finish()

    assert keeper.problem == ""


def wall() -> int:
    return WALL_NS
