"""Opens the memory store: restores, keeps, and saves once more at the end."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from discovery.drivers.log_segments import LogSegments
from discovery.drivers.path_lock import PathLock
from discovery.drivers.snapshot_file import SnapshotFiles
from discovery.metrics.metrics import Metrics
from discovery.service.store import Announce
from discovery.settings import Settings
from discovery.state.clusters import Clusters
from discovery.stores.clocks import Clocks
from discovery.stores.keeping import Keeper, OldSegments
from discovery.stores.memory import Lasting, MemoryStore
from discovery.stores.periodic import PeriodicKeeper
from discovery.stores.restoring import Restored, Restorer
from discovery.stores.saving import SnapshotSaver
from discovery.stores.trouble import NotSaved, StoreInUse, Trouble, reason_of
from discovery.stores.write_through import LogKeeper

log = logging.getLogger(__name__)

FINISH_S = 10.0
# The service before us may still be saving.
LOCK_PATIENCE_S = 15.0
_LOCK_POLL_S = 0.1
_REAL_TIME = Clocks()


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a store is given.

    Attributes:
        clusters: filled and from then on changed by the store alone.
        announce: told every change from then on, not what was loaded.
        metrics: counts loads, saves and sweeps.
        is_watched: whether somebody watches a cluster.
        clocks: where time comes from.
    """

    clusters: Clusters
    announce: Announce
    metrics: Metrics
    is_watched: Callable[[str], bool]
    clocks: Clocks = _REAL_TIME


@asynccontextmanager
async def open_memory_store(
    settings: Settings, surroundings: Surroundings
) -> AsyncIterator[MemoryStore]:
    """Restore what was kept, yield the store, save it when all is over.

    Raises:
        StoreInUse: another service keeps its records there.
        NotSaved: at the end, the snapshot could not be written.
    """
    if not settings.snapshots_enabled:
        yield _store(surroundings, Lasting())
        return
    async with _locked(settings.snapshot_path):
        trouble = Trouble()
        _prepare(settings.snapshot_path, trouble)
        # In a thread: probes are answered meanwhile.
        restored = await asyncio.to_thread(_restore, settings, surroundings)
        keeper = _keeper(settings, surroundings, restored, trouble)
        await keeper.open()
        async with _running(keeper, settings.snapshot_path):
            yield _store(surroundings, Lasting(keeper, restored))


def _store(surroundings: Surroundings, lasting: Lasting) -> MemoryStore:
    return MemoryStore(
        surroundings.clusters,
        surroundings.announce,
        surroundings.clocks.monotonic_ns,
        surroundings.metrics,
        surroundings.is_watched,
        lasting,
    )


def _prepare(path: Path, trouble: Trouble) -> None:
    """Say at once, and not at the first save, that there will be none."""
    try:
        SnapshotFiles(path).prepare()
    except OSError as error:
        trouble.began(
            f"records will not outlive this process, {path.parent} cannot be written "
            f"to: {reason_of(error)}; choose another place with --snapshot-path, or "
            "--snapshots-enabled=false"
        )


def _restore(settings: Settings, surroundings: Surroundings) -> Restored:
    restorer = Restorer(
        SnapshotFiles(settings.snapshot_path),
        LogSegments(settings.snapshot_path),
        surroundings.clusters,
        surroundings.clocks,
        settings.restore_grace_s,
    )
    return restorer.restore(surroundings.metrics, settings.clusters_max)


def _keeper(
    settings: Settings, surroundings: Surroundings, restored: Restored, trouble: Trouble
) -> Keeper:
    clusters, clocks = surroundings.clusters, surroundings.clocks
    files = SnapshotFiles(settings.snapshot_path)
    segments = LogSegments(settings.snapshot_path)
    saver = SnapshotSaver(files, clusters, clocks, surroundings.metrics)
    old = OldSegments(segments, restored, clocks.wall_ns)
    if settings.snapshot_interval_s:
        return PeriodicKeeper(saver, old, trouble, settings.snapshot_interval_s)
    return LogKeeper(segments, old, saver, clusters, clocks, trouble)


@asynccontextmanager
async def _locked(path: Path) -> AsyncIterator[None]:
    """Have the files for ourselves; wait for a service that is about to end."""
    lock = PathLock(path)
    try:
        await _acquire(lock, path)
        yield
    finally:
        lock.release()


async def _acquire(lock: PathLock, path: Path) -> None:
    try:
        async with asyncio.timeout(LOCK_PATIENCE_S):
            while not lock.acquire():  # noqa: ASYNC110 - another process has it
                await asyncio.sleep(_LOCK_POLL_S)
    except TimeoutError as error:
        raise StoreInUse(f"another service keeps its records in {path}") from error
    except OSError as error:
        log.debug("no lock: %s", error)


@asynccontextmanager
async def _running(keeper: Keeper, path: Path) -> AsyncIterator[None]:
    """Keep while the service runs, and save at its end, also if it ends badly."""
    try:
        async with asyncio.TaskGroup() as group:
            running = group.create_task(keeper.run(), name="keeper")
            try:
                yield
            finally:
                running.cancel()
    except BaseExceptionGroup as several:
        # Whoever opened the store must not see that there is a group in it.
        raise several.exceptions[0] from several.__cause__
    finally:
        await _finish(keeper, path)


async def _finish(keeper: Keeper, path: Path) -> None:
    try:
        async with asyncio.timeout(FINISH_S):
            await keeper.finish()
    except TimeoutError as error:
        reason = f"the disk took more than {FINISH_S:g} s"
        raise NotSaved(_not_saved(path, reason)) from error
    except OSError as error:
        raise NotSaved(_not_saved(path, reason_of(error))) from error


def _not_saved(path: Path, reason: str) -> str:
    return (
        f"the last snapshot was not saved: {path}: {reason}; see to it that files can "
        "be written there before the next start, which else begins with older records"
    )
