import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from kubespan.drivers.clock import SystemClock
from kubespan.drivers.discovery import client as discovery_client
from kubespan.drivers.discovery.channel import CallFailed
from kubespan.protocol.discovery_records import KeptRecord
from tests.builders import NOW_NS
from tests.discovery_bench import UPDATES, Bench, a_record
from tests.discovery_builders import until


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


async def test_status_tells_of_the_next_attempt_and_it_stays_the_same(bench: Bench):
    bench.connection.fail["hello"] = CallFailed("Hello", "connection refused")

    async with bench.running():
        await until(lambda: bench.status.error)
        first = bench.status
        bench.client.change_local(UPDATES)
        await asyncio.sleep(0.05)

        assert bench.status == first
        assert first.next_attempt_ns > NOW_NS
        assert bench.publisher.notices == {
            "default connection": "default: connection refused"
        }


async def test_connection_that_cannot_be_made_is_tried_again(bench: Bench):
    bench.connection.fail["connect"] = CallFailed("connect", "no PEM certificates")

    async with bench.running():
        await until(lambda: bench.connection.calls.count("connect") == 2)

        assert bench.status.error == "no PEM certificates"


async def test_what_was_heard_is_on_disk_a_moment_later(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(discovery_client, "CACHE_DELAY_S", 0.01)
    bench.receive(a_record("b"))

    async with bench.running():
        await until(bench.cache.path.exists)

        assert bench.cache.load() == (KeptRecord(a_record("b")),)


async def test_what_was_heard_last_is_saved_at_the_end(bench: Bench):
    bench.receive(a_record("b"))

    async with bench.running():
        await until(lambda: bench.known)
        assert not bench.cache.path.exists()

    assert bench.cache.load() == (KeptRecord(a_record("b")),)


async def test_nothing_new_is_not_saved_again(bench: Bench):
    bench.cache.save((KeptRecord(a_record("b")),), 1)
    written = bench.cache.path.stat().st_mtime_ns
    bench.receive(a_record("b"))

    async with bench.running():
        await until(lambda: bench.status.synced)

    assert bench.cache.path.stat().st_mtime_ns == written


async def test_damaged_cache_is_reported_and_ignored(bench: Bench):
    bench.cache.path.write_bytes(b"junk")
    bench.receive(a_record("b"))

    async with bench.running():
        assert "damaged" in bench.publisher.notices["default cache"]
        await until(lambda: bench.known)

    assert bench.cache.load() == (KeptRecord(a_record("b")),)


async def test_disk_that_refuses_is_reported_and_harms_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(discovery_client, "CACHE_DELAY_S", 0.01)
    bench = Bench(tmp_path / "absent")
    bench.receive(a_record("b"))

    async with bench.running():
        await until(lambda: "default cache" in bench.publisher.notices)

        assert bench.known == ["service/default/b"]
        assert bench.status.connected


def test_restart_forgets_who_has_been_missing_for_a_day(bench: Bench):
    bench.host = replace(bench.host, clock=_WallClock())
    hour_ns = 3600 * 10**9
    bench.cache.save(
        (
            KeptRecord(a_record("listed")),
            KeptRecord(a_record("lately"), NOW_NS - 23 * hour_ns),
            KeptRecord(a_record("long"), NOW_NS - 25 * hour_ns),
        ),
        1,
    )

    bench.new_client().begin()

    assert bench.known == ["service/default/lately", "service/default/listed"]


class _WallClock(SystemClock):
    def now_ns(self) -> int:
        return NOW_NS
