"""The log: what is acknowledged is on disk, whatever fails and whatever is removed."""

import asyncio
import errno
import shutil
import sys
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from discovery.drivers.log_segments import LogSegment, LogSegments
from discovery.drivers.snapshot_file import SnapshotFiles, SnapshotWriter
from discovery.metrics.metrics import Metrics
from discovery.state.clusters import Clusters
from discovery.stores import write_through
from discovery.stores.keeping import OldSegments
from discovery.stores.restoring import Restored, Restorer
from discovery.stores.saving import SnapshotSaver
from discovery.stores.trouble import Trouble
from discovery.stores.write_through import LogKeeper
from tests.discovery.records import HandClocks, an_affiliate, said

PATIENCE_S = 10


class Running:
    """A keeper at work."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "state.binpb"
        self.hand = HandClocks()
        self.clusters = Clusters()
        self.segments = LogSegments(self.path)
        self.metrics = Metrics()
        self.trouble = Trouble()
        restored = self.restore_into(self.clusters)
        old = OldSegments(self.segments, restored, lambda: 0)
        clocks = self.hand.clocks
        self.saver = SnapshotSaver(
            SnapshotFiles(self.path), self.clusters, clocks, self.metrics
        )
        self.keeper = LogKeeper(
            self.segments, old, self.saver, self.clusters, clocks, self.trouble
        )

    def restore_into(self, clusters: Clusters) -> Restored:
        files, clocks = SnapshotFiles(self.path), self.hand.clocks
        restorer = Restorer(files, self.segments, clusters, clocks, 0)
        return restorer.restore(Metrics(), 10)

    def on_disk(self) -> dict[tuple[str, str], tuple[bytes, tuple[bytes, ...]]]:
        """What a start would find if the process were killed now."""
        clusters = Clusters()
        self.restore_into(clusters)
        return said(clusters)

    async def put(self, affiliate_id: str, data: bytes = b"d") -> None:
        self.clusters.put("c", an_affiliate(affiliate_id, data=data))
        await self.noted(affiliate_id)

    async def delete(self, affiliate_id: str) -> None:
        self.clusters.delete("c", affiliate_id)
        await self.noted(affiliate_id)

    async def noted(self, affiliate_id: str) -> None:
        kept = self.keeper.note("c", affiliate_id)
        if kept is not None:
            async with asyncio.timeout(PATIENCE_S):
                await kept.wait()


@asynccontextmanager
async def running(folder: Path) -> AsyncIterator[Running]:
    its = Running(folder)
    await its.keeper.open()
    async with asyncio.TaskGroup() as group:
        task = group.create_task(its.keeper.run())
        yield its
        task.cancel()


async def until(reached) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not reached():
            await asyncio.sleep(0.002)


async def test_what_is_acknowledged_is_on_disk(tmp_path: Path) -> None:
    async with running(tmp_path) as its:
        await its.put("a", b"1")
        await its.put("b")
        await its.put("a", b"2")
        await its.delete("b")

        assert its.on_disk() == said(its.clusters) == {("c", "a"): (b"2", ())}


async def test_changes_that_come_together_are_forced_to_disk_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    payloads = []

    def append(segment: LogSegment, payload: bytes) -> None:
        payloads.append(payload)
        real(segment, payload)

    real = LogSegment.append
    monkeypatch.setattr(LogSegment, "append", append)
    async with running(tmp_path) as its, asyncio.TaskGroup() as group:
        for number in range(500):
            group.create_task(its.put(f"af{number}"))

    assert 1 <= len(payloads) <= 3
    assert len(its.on_disk()) == 500


async def test_nobody_is_told_before_the_disk_has_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    may_end = threading.Event()
    real = LogSegment.append

    def append(segment: LogSegment, payload: bytes) -> None:
        may_end.wait(PATIENCE_S)
        real(segment, payload)

    monkeypatch.setattr(LogSegment, "append", append)
    async with running(tmp_path) as its, asyncio.TaskGroup() as group:
        waiting = [group.create_task(its.put(f"af{number}")) for number in range(3)]
        await asyncio.sleep(0.02)
        told_early = [task.done() for task in waiting]
        problems = [its.keeper.problem]
        its.hand.advance(30)
        problems.append(its.keeper.problem)
        before = its.on_disk()
        may_end.set()

    assert told_early == [False] * 3
    assert problems == ["", "the disk has not answered for 30 s"]
    assert its.keeper.problem == ""
    assert before == {}
    assert len(its.on_disk()) == 3


async def test_caller_that_gives_up_does_not_disturb_the_others(tmp_path: Path) -> None:
    async with running(tmp_path) as its, asyncio.TaskGroup() as group:
        tasks = [group.create_task(its.put(f"af{number}")) for number in range(5)]
        await asyncio.sleep(0)
        tasks[0].cancel()

    assert len(its.on_disk()) == 5


async def test_large_batch_is_cut_into_frames(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(write_through, "PAYLOAD_BYTES", 1000)
    async with running(tmp_path) as its, asyncio.TaskGroup() as group:
        for number in range(50):
            group.create_task(its.put(f"af{number}", bytes(300)))

    assert len(its.on_disk()) == 50


async def test_log_that_has_grown_gives_way_to_a_snapshot(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(write_through, "SEGMENT_BYTES_MIN", 2000)
    async with running(tmp_path) as its:
        for number in range(200):
            await its.put(f"af{number % 20}", b"%d" % number)
            assert its.on_disk() == said(its.clusters)
        await until(lambda: len(its.segments.list()) == 1)

        assert its.metrics.storage_runs[("save", True)] >= 2
        assert its.on_disk() == said(its.clusters)


async def test_what_changes_while_a_snapshot_is_written_is_in_the_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, may_end = threading.Event(), threading.Event()
    real = SnapshotWriter.commit

    def commit(writer: SnapshotWriter, saved_at_ns: int) -> None:
        begun.set()
        may_end.wait(PATIENCE_S)
        real(writer, saved_at_ns)

    monkeypatch.setattr(SnapshotWriter, "commit", commit)
    monkeypatch.setattr(write_through, "SEGMENT_BYTES_MIN", 100)
    async with running(tmp_path) as its:
        await its.put("a", bytes(200))
        await until(begun.is_set)
        await its.put("b")
        await its.delete("a")
        during = its.on_disk()
        monkeypatch.setattr(write_through, "SEGMENT_BYTES_MIN", 10**9)
        may_end.set()
        await until(lambda: len(its.segments.list()) == 1)

        assert during == its.on_disk() == {("c", "b"): (b"d", ())}


async def test_segments_found_at_the_start_are_compacted(tmp_path: Path) -> None:
    async with running(tmp_path) as its:
        await its.put("a")
    async with running(tmp_path) as its:
        await until(lambda: its.metrics.storage_runs.get(("save", True)) == 1)
        await until(lambda: len(its.segments.list()) == 1)

        assert its.on_disk() == {("c", "a"): (b"d", ())}
        assert its.segments.list()[0].name == "state.binpb.log.2"


async def test_end_leaves_a_snapshot_and_no_log(tmp_path: Path) -> None:
    async with running(tmp_path) as its:
        await its.put("a")
        its.clusters.put("c", an_affiliate("b"))
        its.keeper.note("c", "b")

    await its.keeper.finish()

    assert its.segments.list() == []
    assert set(its.on_disk()) == {("c", "a"), ("c", "b")}


@pytest.mark.parametrize("failing", ["append", "append and save", "everything"])
async def test_disk_that_fails_is_told_and_mended(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    failing: str,
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(write_through, "RETRY_S", 0.01)
    async with running(tmp_path) as its:
        await its.put("before")
        with monkeypatch.context() as broken:
            broken.setattr(LogSegment, "append", full)
            if failing != "append":
                broken.setattr(SnapshotWriter, "write", full)
            if failing == "everything":
                broken.setattr(LogSegments, "begin", full)
            await its.put("during")
            problem = its.keeper.problem
            if failing != "append":
                await asyncio.sleep(0.1)
                assert ("c", "before") in its.on_disk()
        await until(lambda: not its.keeper.problem)
        await its.put("after")

        assert "No space left" in problem
        assert set(its.on_disk()) == {("c", "before"), ("c", "during"), ("c", "after")}
    errors = [record for record in caplog.records if record.levelname == "ERROR"]
    assert len(errors) == 1


async def test_disk_that_is_full_from_the_start_does_not_keep_from_serving(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(write_through, "RETRY_S", 0.01)
    (tmp_path / "file").touch()
    async with running(tmp_path / "file") as its:
        await its.put("a")
        problem = its.keeper.problem
        (tmp_path / "file").unlink()
        await until(lambda: not its.keeper.problem)

        assert "in memory only" in problem
        assert set(its.on_disk()) == {("c", "a")}


async def test_segment_that_fails_during_a_compaction_is_not_removed_by_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The snapshot was taken before what this segment says last."""
    begun, may_end = threading.Event(), threading.Event()
    real = SnapshotWriter.commit

    def commit(writer: SnapshotWriter, saved_at_ns: int) -> None:
        begun.set()
        may_end.wait(PATIENCE_S)
        real(writer, saved_at_ns)

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(SnapshotWriter, "commit", commit)
    monkeypatch.setattr(write_through, "SEGMENT_BYTES_MIN", 100)
    monkeypatch.setattr(write_through, "RETRY_S", 60)
    async with running(tmp_path) as its:
        await its.put("a", bytes(200))
        await until(begun.is_set)
        await its.put("late")
        with monkeypatch.context() as broken:
            broken.setattr(LogSegment, "append", full)
            await its.put("lost, and said so")
            broken.setattr(SnapshotWriter, "open", full)
            may_end.set()
            await until(lambda: its.metrics.storage_runs.get(("save", False)))
            found = its.on_disk()

    assert {("c", "a"), ("c", "late")} <= set(found)


def _age(path: Path) -> tuple[int, str]:
    """Sorts the newest segment of the log first; ``log.10`` comes after ``log.9``."""
    number = path.suffix[1:]
    return (-int(number) if number.isdigit() else 0, path.name)


class Camera:
    """Copies a folder before every call to the host that changes a name in it.

    Such a copy is what a crash at that moment leaves behind; meanwhile files can only
    grow, and only the newest or the one before. The newest is copied first, or it could
    have what is not yet in the copy of the one before.
    """

    CALLS = frozenset({"open", "os.rename", "os.link", "os.remove"})

    def __init__(self, folder: Path, copies: Path) -> None:
        self.folder, self.copies = folder, copies
        self.acknowledged = 0
        self.taken: list[tuple[int, int, Path]] = []
        self.on = True
        self._alone = threading.RLock()
        self._copying = False
        sys.addaudithook(self._called)

    def _called(self, event: str, arguments: tuple[object, ...]) -> None:
        if not self.on or event not in self.CALLS:
            return
        with self._alone:
            if self._copying or not str(arguments[0]).startswith(str(self.folder)):
                return
            self._copying = True
            before = self.acknowledged
            copy = self.copies / str(len(self.taken))
            copy.mkdir(parents=True)
            for path in sorted(self.folder.iterdir(), key=_age):
                shutil.copy2(path, copy)
            self.taken.append((before, self.acknowledged, copy))
            self._copying = False


# kill -9 between any two steps of commits and compactions
async def test_crash_at_any_moment_loses_nothing_acknowledged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(write_through, "SEGMENT_BYTES_MIN", 1500)
    (tmp_path / "live").mkdir()
    camera = Camera(tmp_path / "live", tmp_path / "copies")
    async with running(tmp_path / "live") as its:
        states = [said(its.clusters)]
        for number in range(400):
            name = f"af{number % 7}"
            if number % 5:
                its.clusters.put("c", an_affiliate(name, data=b"%d" % number))
            else:
                its.clusters.delete("c", name)
            states.append(said(its.clusters))
            await its.noted(name)
            camera.acknowledged += 1
    await its.keeper.finish()
    camera.on = False

    assert len(camera.taken) > 40
    for before, after, copy in camera.taken:
        assert Running(copy).on_disk() in states[before : after + 2], copy
