"""The memory store from its start to its end, with real files."""

import asyncio
import logging
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from discovery.drivers.path_lock import PathLock
from discovery.metrics.metrics import Metrics
from discovery.settings import Settings
from discovery.state.clusters import Clusters
from discovery.state.limits import NS_PER_S
from discovery.stores import memory_opening
from discovery.stores.memory import MemoryStore
from discovery.stores.memory_opening import Surroundings, open_memory_store
from discovery.stores.trouble import NotSaved, StoreInUse
from tests.discovery.records import (
    EXAMPLE,
    WALL_NS,
    HandClocks,
    a_submission,
    parsed,
    said,
)

PATIENCE_S = 10.0
MODES = [pytest.param(600.0, id="snapshots"), pytest.param(0.0, id="write-through")]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(snapshot_path=tmp_path / "made" / "state.binpb")


@asynccontextmanager
async def opened(
    settings: Settings, hand: HandClocks | None = None
) -> AsyncIterator[tuple[MemoryStore, Clusters]]:
    clusters = Clusters()
    surroundings = Surroundings(
        clusters,
        lambda *_: None,
        Metrics(),
        lambda _: False,
        (hand or HandClocks()).clocks,
    )
    async with open_memory_store(settings, surroundings) as store:
        yield store, clusters


# checklist 65, 68
@pytest.mark.parametrize("interval_s", MODES)
async def test_what_was_stored_is_there_after_a_restart(
    settings: Settings, interval_s: float
) -> None:
    settings = replace(settings, snapshot_interval_s=interval_s)
    async with opened(settings) as (store, clusters):
        first_of_all = store.was_restored("c")
        await store.update("c", a_submission("a", b"e1", b"e2"), PATIENCE_S)
        await store.update("c", a_submission("b"), PATIENCE_S)
        await store.delete("c", "b", PATIENCE_S)
        before = said(clusters)
    async with opened(settings) as (store, clusters):
        assert said(clusters) == before == {("c", "a"): (b"sealed", (b"e1", b"e2"))}
        assert store.was_restored("c")
        assert not store.was_restored("another")
        assert first_of_all


# checklist 62: one written by us is what the official service reads
@pytest.mark.parametrize("interval_s", MODES)
async def test_end_leaves_one_file_the_official_service_reads(
    settings: Settings, interval_s: float
) -> None:
    settings = replace(settings, snapshot_interval_s=interval_s)
    async with opened(settings) as (store, _):
        await store.update("r", a_submission("A", b"e", data=b"d", ttl_s=59.9), 1.0)

    # discovery.md 4.1 [V], the cluster with something in it
    assert settings.snapshot_path.read_bytes() == EXAMPLE[:26]
    assert parsed(settings.snapshot_path).clusters[0].id == "r"


async def test_changing_the_mode_changes_nothing_else(settings: Settings) -> None:
    log = replace(settings, snapshot_interval_s=0.0)
    for number, how in enumerate((settings, log, settings, log)):
        async with opened(how) as (store, clusters):
            assert len(said(clusters)) == number
            await store.update("c", a_submission(f"af{number}"), PATIENCE_S)


# checklist 63
@pytest.mark.parametrize("interval_s", MODES)
@pytest.mark.parametrize(
    ("step_s", "life_s"),
    [
        pytest.param(0.0, 600.0, id="no outage"),
        pytest.param(500.0, 300.0, id="long outage"),
        pytest.param(1e9, 300.0, id="clock set far ahead"),
        pytest.param(-1e9, 600.0, id="clock set far back"),
    ],
)
async def test_clock_steps_are_harmless(
    settings: Settings, interval_s: float, step_s: float, life_s: float
) -> None:
    settings = replace(settings, snapshot_interval_s=interval_s)
    async with opened(settings) as (store, _):
        await store.update("c", a_submission("a", b"e", ttl_s=600), PATIENCE_S)
    later = HandClocks(now_ns=77, wall_ns=WALL_NS + round(step_s * NS_PER_S))
    async with opened(settings, later) as (_, clusters):
        affiliate = clusters.get("c", "a")

    assert affiliate is not None
    assert affiliate.expires_ns - 77 == life_s * NS_PER_S
    assert affiliate.endpoints[0].expires_ns - 77 == life_s * NS_PER_S


async def test_clock_step_while_running_is_harmless(settings: Settings) -> None:
    settings = replace(settings, snapshot_interval_s=0.0)
    hand = HandClocks()
    async with opened(settings, hand) as (store, _):
        await store.update("c", a_submission("a"), PATIENCE_S)
        hand.wall_ns -= 10**9 * NS_PER_S
        await store.update("c", a_submission("a", b"newer"), PATIENCE_S)
    async with opened(settings) as (_, clusters):
        assert said(clusters) == {("c", "a"): (b"sealed", (b"newer",))}


# checklist 67
async def test_empty_state_replaces_the_last_one(settings: Settings) -> None:
    async with opened(settings) as (store, _):
        await store.update("c", a_submission("a"), PATIENCE_S)
    async with opened(settings) as (store, _):
        await store.delete("c", "a", PATIENCE_S)
        await store.sweep()

    assert settings.snapshot_path.read_bytes() == b""
    async with opened(settings) as (store, clusters):
        assert len(clusters) == 0
        assert not store.was_restored("c")


async def test_nothing_is_on_disk_if_the_operator_wants_so(settings: Settings) -> None:
    settings = replace(settings, snapshots_enabled=False)

    async with opened(settings) as (store, _):
        await store.update("c", a_submission("a"), PATIENCE_S)
        assert store.was_restored("c")

    assert not settings.snapshot_path.parent.exists()


@pytest.mark.parametrize("interval_s", MODES)
async def test_place_that_cannot_be_written_to_is_told_once_and_served_without(
    settings: Settings,
    tmp_path: Path,
    interval_s: float,
    caplog: pytest.LogCaptureFixture,
) -> None:
    (tmp_path / "made").touch()
    settings = replace(settings, snapshot_interval_s=interval_s)

    with pytest.raises(NotSaved, match="the last snapshot"):  # noqa: PT012 - all of it
        async with opened(settings) as (store, clusters):
            await store.update("c", a_submission("a"), PATIENCE_S)
            assert said(clusters)
            assert store.health().ready
            assert store.health().problem
            await asyncio.sleep(0)

    errors = [record for record in caplog.records if record.levelno > logging.INFO]
    assert [record.getMessage() for record in errors if "snapshot-path" in record.msg]
    assert len(errors) == 1


async def test_last_snapshot_that_fails_is_an_error(settings: Settings) -> None:
    with pytest.raises(NotSaved, match="was not saved"):  # noqa: PT012 - all of it
        async with opened(settings):
            shutil.rmtree(settings.snapshot_path.parent)
            settings.snapshot_path.parent.touch()


async def test_disk_that_hangs_at_the_end_is_waited_for_only_so_long(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def hang(_: object) -> None:
        await asyncio.sleep(3600)

    monkeypatch.setattr(memory_opening, "FINISH_S", 0.05)
    monkeypatch.setattr(memory_opening.PeriodicKeeper, "finish", hang)

    with pytest.raises(NotSaved, match="took more than"):
        async with opened(settings):
            pass


async def test_error_of_the_service_is_not_wrapped_and_all_is_saved(
    settings: Settings,
) -> None:
    with pytest.raises(LookupError, match="of the service"):  # noqa: PT012 - all of it
        async with opened(settings) as (store, _):
            await store.update("c", a_submission("a"), PATIENCE_S)
            raise LookupError("of the service")

    assert len(parsed(settings.snapshot_path).clusters) == 1


async def test_two_services_do_not_share_a_path(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory_opening, "LOCK_PATIENCE_S", 0.2)
    async with opened(settings):
        with pytest.raises(StoreInUse, match="another service"):
            async with opened(settings):
                pass

    async with opened(settings):
        pass


async def test_service_waits_for_the_one_before_to_end(settings: Settings) -> None:
    async with opened(settings) as (store, _):
        await store.update("c", a_submission("a"), PATIENCE_S)
    lock = PathLock(settings.snapshot_path)
    assert lock.acquire()

    async def start() -> bool:
        async with opened(settings) as (_, clusters):
            return bool(said(clusters))

    async with asyncio.TaskGroup() as group:
        starting = group.create_task(start())
        await asyncio.sleep(0.15)
        waited = not starting.done()
        lock.release()

    assert waited
    assert starting.result()
