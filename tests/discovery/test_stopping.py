"""How the service ends: draining, redirecting, and never taking for ever."""

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import aiohttp
import grpc
import pytest
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse

from discovery.api import cluster_pb2 as pb
from discovery.api.cluster_pb2_grpc import ClusterStub
from discovery.server import serve
from tests.discovery.running import (
    PATIENCE_S,
    QUIET,
    AWatch,
    a_client,
    a_service,
    an_update,
    code_of,
    listed,
)
from tests.discovery.service_program import a_free_port, a_program, address_of

Code = grpc.StatusCode
HELLO = pb.HelloRequest(cluster_id="c")


@dataclass(frozen=True)
class Running:
    """A service that a test stops itself."""

    address: str
    stop: asyncio.Event
    hurry: asyncio.Event
    ended: asyncio.Task[None]


@asynccontextmanager
async def a_stoppable_service(**changes: Any) -> AsyncIterator[Running]:
    stop, hurry = asyncio.Event(), asyncio.Event()
    listening: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    async with asyncio.TaskGroup() as group:
        settings = replace(QUIET, **changes)
        ended = group.create_task(serve(settings, stop, listening.set_result, hurry))
        try:
            address = await asyncio.wait_for(listening, PATIENCE_S)
            yield Running(address, stop, hurry, ended)
        finally:
            stop.set()
            hurry.set()


async def health_of(address: str, name: str = "") -> int:
    async with grpc.aio.insecure_channel(address) as channel:
        check = channel.unary_unary(
            "/grpc.health.v1.Health/Check",
            HealthCheckRequest.SerializeToString,
            HealthCheckResponse.FromString,
        )
        return (await check(HealthCheckRequest(service=name), timeout=5)).status


async def end_of(watch: AWatch) -> float:
    """Read a watch to its end; return when that was. It must end with OK."""
    while await asyncio.wait_for(watch.call.read(), 20) is not grpc.aio.EOF:
        pass
    assert await watch.call.code() is Code.OK
    return asyncio.get_running_loop().time()


async def test_draining_ends_watches_one_by_one_and_answers_meanwhile() -> None:
    async with (
        a_stoppable_service(drain_s=1.0, drain_redirect="other:443") as running,
        a_client(running.address) as client,
    ):
        watches = [AWatch(client) for _ in range(10)]
        for watch in watches:
            await watch.next()

        started_s = asyncio.get_running_loop().time()
        running.stop.set()
        async with asyncio.TaskGroup() as group:
            ends = [group.create_task(end_of(watch)) for watch in watches]
            await asyncio.sleep(0.3)
            hello = await client.Hello(HELLO)
            await client.AffiliateUpdate(an_update(affiliate_data=b"d"))
            known = await listed(client)
            still_open = sum(not end.done() for end in ends)
        last = await client.Hello(HELLO)
        await running.ended

    ended_s = sorted(end.result() - started_s for end in ends)
    assert [hello.redirect.endpoint, last.redirect.endpoint] == ["other:443"] * 2
    assert set(known) == {"af1"}
    assert 2 <= still_open <= 7
    assert ended_s[0] < 0.2
    assert ended_s[-1] > 0.4


async def test_draining_is_told_to_probes_and_load_balancers() -> None:
    port = a_free_port()
    async with (
        a_stoppable_service(drain_s=60.0, metrics_addr=f"127.0.0.1:{port}") as running,
        aiohttp.ClientSession(f"http://127.0.0.1:{port}") as probes,
    ):
        before = await health_of(running.address)
        async with probes.get("/readyz") as response:
            ready_before = response.status

        running.stop.set()
        await asyncio.sleep(0.1)
        after = [
            await health_of(running.address, name)
            for name in ("", "sidero.discovery.server.Cluster")
        ]
        async with probes.get("/readyz") as response:
            ready_after = response.status
        async with probes.get("/healthz") as response:
            alive = response.status

    assert (before, ready_before) == (HealthCheckResponse.SERVING, 200)
    assert after == [HealthCheckResponse.NOT_SERVING] * 2
    assert (ready_after, alive) == (503, 200)


async def test_watch_opened_while_draining_is_served_and_ends_with_ok() -> None:
    async with (
        a_stoppable_service(drain_s=0.6) as running,
        a_client(running.address) as client,
    ):
        running.stop.set()
        await asyncio.sleep(0.1)
        watch = AWatch(client)
        await watch.next()
        await client.AffiliateUpdate(an_update(affiliate_data=b"d"))
        told = await watch.next()

        await end_of(watch)

    assert [affiliate.id for affiliate in told.affiliates] == ["af1"]


async def test_who_is_in_a_hurry_waits_for_no_draining() -> None:
    async with (
        a_stoppable_service(drain_s=3600.0, rate_limit_per_s=0.02, rate_burst=2) as it,
        a_client(it.address) as client,
    ):
        await AWatch(client).next()
        await client.Hello(HELLO)
        waiting = client.Hello(HELLO)
        await asyncio.sleep(0.1)
        it.stop.set()
        await asyncio.sleep(0.1)

        it.hurry.set()
        async with asyncio.timeout(1.5):
            await it.ended

        assert await code_of(waiting) in {Code.CANCELLED, Code.UNAVAILABLE}


async def test_without_draining_a_stop_takes_no_time() -> None:
    async with a_stoppable_service() as running, a_client(running.address) as client:
        watches = [AWatch(client) for _ in range(50)]
        for watch in watches:
            await watch.next()

        running.stop.set()
        async with asyncio.timeout(2):
            await running.ended


async def test_service_whose_store_is_away_says_so_and_can_be_stopped() -> None:
    port = a_free_port()
    away = {"store": "etcd", "etcd_endpoints": ("127.0.0.1:1",)}
    stop = asyncio.Event()
    settings = replace(QUIET, metrics_addr=f"127.0.0.1:{port}", **away)

    async with asyncio.timeout(10), asyncio.TaskGroup() as group:
        group.create_task(serve(settings, stop))
        async with aiohttp.ClientSession(f"http://127.0.0.1:{port}") as probes:
            ready = await _status_of(probes, "/readyz")
            alive = await _status_of(probes, "/healthz")
        stop.set()

    assert (ready, alive) == (503, 200)


async def _status_of(probes: aiohttp.ClientSession, path: str) -> int:
    while True:
        with contextlib.suppress(aiohttp.ClientConnectionError):
            async with probes.get(path) as response:
                return response.status
        await asyncio.sleep(0.05)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_second_signal_stops_at_once(number: signal.Signals) -> None:
    async with a_program("--addr=127.0.0.1:0", "--drain-time=1h") as program:
        address = await address_of(program)
        async with a_client(address) as client:
            watch = AWatch(client)
            await watch.next()
            program.send_signal(number)
            await asyncio.sleep(0.3)
            assert program.returncode is None

            program.send_signal(number)
            async with asyncio.timeout(5):
                status = await program.wait()

    assert status == 0


async def test_snapshot_that_cannot_be_written_at_the_end_is_exit_status_one(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "state"
    path = folder / "state.binpb"
    given = ("--snapshots-enabled=true", f"--snapshot-path={path}")
    async with a_program("--addr=127.0.0.1:0", *given) as program:
        async with a_client(await address_of(program)) as client:
            await client.AffiliateUpdate(an_update(affiliate_data=b"d", ttl_ns=10**12))
        folder.rename(tmp_path / "gone")
        folder.write_text("a file where the folder should be")
        program.send_signal(signal.SIGTERM)
        async with asyncio.timeout(20):
            status = await program.wait()
        assert program.stderr is not None
        last = (await program.stderr.read()).decode().splitlines()[-1]

    assert status == 1
    assert last.startswith("kubespan-discovery: ")
    assert str(path) in last


async def test_stopped_service_ends_its_watches_with_ok_over_any_connection() -> None:
    async with a_service() as address:
        channels = [grpc.aio.insecure_channel(address) for _ in range(3)]
        watches = [AWatch(ClusterStub(channel)) for channel in channels]
        for watch in watches:
            await watch.next()

    for watch, channel in zip(watches, channels, strict=True):
        await end_of(watch)
        await channel.close()
