import asyncio
import errno
from itertools import pairwise
from pathlib import Path

import pytest

from discovery.drivers.clock import monotonic_ns
from discovery.drivers.snapshot_file import SnapshotFiles, SnapshotWriter
from discovery.metrics.metrics import Metrics
from discovery.state.clusters import Clusters, Counts
from discovery.stores.saving import SnapshotSaver
from tests.discovery.records import (
    WALL_NS,
    HandClocks,
    a_submission,
    an_affiliate,
    parsed,
)


@pytest.fixture
def files(tmp_path: Path) -> SnapshotFiles:
    return SnapshotFiles(tmp_path / "state.binpb")


def a_saver(
    files: SnapshotFiles, clusters: Clusters, metrics: Metrics
) -> SnapshotSaver:
    return SnapshotSaver(files, clusters, HandClocks().clocks, metrics)


# checklist 62, 65
async def test_everything_in_memory_is_saved(files: SnapshotFiles) -> None:
    clusters, metrics = Clusters(), Metrics()
    clusters.put("c1", an_affiliate("a", b"e1", b"e2", life_s=59.9))
    clusters.put("c1", an_affiliate("b", life_s=-3))
    clusters.open("empty")
    saver = a_saver(files, clusters, metrics)

    size_bytes = await saver.save()

    message = parsed(files.path)
    assert [cluster.id for cluster in message.clusters] == ["c1", "empty"]
    one, two = message.clusters[0].affiliates
    assert (one.ttl.seconds, two.ttl.seconds) == (59, -3)
    assert [endpoint.data for endpoint in one.endpoints] == [b"e1", b"e2"]
    assert files.path.stat().st_size == size_bytes
    assert files.path.stat().st_mtime_ns == WALL_NS
    assert metrics.storage_runs == {("save", True): 1}
    assert metrics.last_work_by_operation["save"].stored == Counts(2, 2, 2)
    saver.close()


# checklist 67
async def test_empty_state_is_saved_as_an_empty_file(files: SnapshotFiles) -> None:
    clusters = Clusters()
    saver = a_saver(files, clusters, Metrics())
    clusters.put("c", an_affiliate())
    await saver.save()
    clusters.delete("c", "af1")
    clusters.sweep("c", 0, watched=False)

    assert await saver.save() == 0

    assert files.path.read_bytes() == b""
    saver.close()


async def test_failed_save_is_counted_and_leaves_nothing_behind(
    files: SnapshotFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    clusters, metrics = Clusters(), Metrics()
    saver = a_saver(files, clusters, metrics)
    await saver.save()
    monkeypatch.setattr(SnapshotWriter, "write", full)

    with pytest.raises(OSError, match="No space left"):
        await saver.save()
    await saver._disk.run(lambda: None)

    assert metrics.storage_runs == {("save", True): 1, ("save", False): 1}
    assert not files.temporary.exists()
    saver.close()


async def test_save_that_is_cancelled_leaves_the_old_file(files: SnapshotFiles) -> None:
    clusters = Clusters()
    saver = a_saver(files, clusters, Metrics())
    await saver.save()
    for number in range(3000):
        clusters.put("c", an_affiliate(str(number)))

    saving = asyncio.ensure_future(saver.save())
    await asyncio.sleep(0)
    saving.cancel()
    await asyncio.wait([saving])
    await saver._disk.run(lambda: None)

    assert saving.cancelled()
    assert files.path.read_bytes() == b""
    assert not files.temporary.exists()
    saver.close()


async def test_service_goes_on_while_much_is_saved(files: SnapshotFiles) -> None:
    clusters = Clusters()
    endpoints = [b"%020d" % number for number in range(10)]
    for number in range(5000):
        record = an_affiliate(f"af{number}", *endpoints, data=bytes(300))
        clusters.put(f"c{number % 7}", record)
    saver = a_saver(files, clusters, Metrics())
    turns = []

    saving = asyncio.ensure_future(saver.save())
    while not saving.done():
        turns.append(monotonic_ns())
        clusters.update("c0", a_submission("late", data=b"%d" % len(turns)), 0)
        await asyncio.sleep(0)

    between_ms = sorted((b - a) / 1e6 for a, b in pairwise(turns))
    assert len(turns) > 50
    assert between_ms[len(between_ms) * 9 // 10] < 50
    assert len(parsed(files.path).clusters) == 7
    saver.close()
