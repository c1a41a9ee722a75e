"""Start, stop, connections: the service as a process among others."""

import asyncio
import os
import signal
from dataclasses import replace
from pathlib import Path

import grpc
import pytest

from discovery.api import cluster_pb2 as pb
from discovery.api.cluster_pb2_grpc import ClusterStub
from discovery.server import CannotServe, serve
from tests.discovery import http2
from tests.discovery.running import (
    QUIET,
    AWatch,
    a_client,
    a_service,
    a_service_and_client,
    an_update,
    code_of,
)
from tests.discovery.service_program import a_program, address_of, told

Code = grpc.StatusCode
HELLO = pb.HelloRequest(cluster_id="c")
# A client that takes next to nothing ahead of what it reads.
NARROW = (("grpc.http2.bdp_probe", 0), ("grpc.http2.lookahead_bytes", 1024))


async def test_stopping_ends_watches_with_ok() -> None:
    async with a_service() as address:
        channel = grpc.aio.insecure_channel(address)
        watch = AWatch(ClusterStub(channel))
        await watch.next()

    assert await watch.call.read() is grpc.aio.EOF
    assert await watch.call.code() is Code.OK
    await channel.close()


async def test_stopping_does_not_wait_for_calls_that_wait_for_their_turn(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("discovery.server.STOP_S", 0.5)
    request = pb.ListRequest(cluster_id="c")
    async with a_service(rate_limit_per_s=0.02, rate_burst=1) as address:
        channel = grpc.aio.insecure_channel(address)
        client = ClusterStub(channel)
        await client.List(request)
        waiting = client.List(request)
        await asyncio.sleep(0.1)
        started_s = asyncio.get_running_loop().time()

    assert asyncio.get_running_loop().time() - started_s < 2
    assert await code_of(waiting) in {Code.CANCELLED, Code.UNAVAILABLE}
    await channel.close()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_program_serves_until_a_signal_and_exits_with_zero(
    number: signal.Signals,
) -> None:
    async with a_program("--addr=127.0.0.1:0", "--log-format=json") as program:
        address = await address_of(program)
        async with a_client(address) as client:
            watch = AWatch(client)
            await watch.next()
            program.send_signal(number)
            async with asyncio.timeout(5):
                assert await program.wait() == 0
            assert await watch.call.read() is grpc.aio.EOF
            assert await watch.call.code() is Code.OK


@pytest.mark.parametrize("taken_by", ["same address", "all addresses"])
async def test_port_in_use_is_one_line_and_exit_status_one(taken_by: str) -> None:
    listen = "127.0.0.1:0" if taken_by == "same address" else ":0"
    async with a_service(addr=listen) as address:
        port = address.rpartition(":")[2]
        async with a_program(f"--addr=127.0.0.1:{port}") as program:
            line = await told(program)
            assert await program.wait() == 1
            assert await told(program) == ""

    expected = f"cannot listen on 127.0.0.1:{port}: Address already in use"
    assert line == f"kubespan-discovery: {expected}\n"


async def test_idle_watch_may_ping_as_often_as_it_likes() -> None:
    # The reference answers 300 pings at 20 per second: discovery.md 3.5.
    request = pb.WatchRequest(cluster_id="c").SerializeToString()
    answered = 0

    async with a_service() as address, http2.connected(address) as connection:
        connection.open_call("Watch", request)
        for number in range(300):
            connection.send(http2.PING, 0, 0, number.to_bytes(8))
        while answered < 300:
            frame = await connection.receive()
            assert frame.kind != http2.GOAWAY
            answered += frame.kind == http2.PING and frame.flags == http2.ACK_PING

    assert answered == 300


async def test_store_that_cannot_be_opened_is_one_sentence(tmp_path: Path) -> None:
    missing = tmp_path / "missing.pem"
    settings = replace(QUIET, store="etcd", etcd_ca_path=missing)

    with pytest.raises(CannotServe, match=r"missing\.pem: No such file or directory"):
        await serve(settings, asyncio.Event())


async def test_client_that_vanishes_is_no_error(
    caplog: pytest.LogCaptureFixture,
) -> None:
    request = pb.WatchRequest(cluster_id="c").SerializeToString()

    async with a_service(gc_interval_s=0.01) as address, a_client(address) as client:
        for _ in range(20):
            async with http2.connected(address) as connection:
                connection.open_call("Watch", request)
                await connection.receive()
                await client.AffiliateUpdate(an_update(affiliate_data=os.urandom(8)))

        assert await code_of(client.Hello(HELLO)) is Code.OK

    assert [record for record in caplog.records if record.levelname == "ERROR"] == []


async def test_sleeping_watcher_finds_the_newest_state_and_blocks_nobody() -> None:
    async with (
        a_service() as address,
        a_client(address) as writer,
        a_client(address, *NARROW) as sleeper,
        a_client(address) as other,
    ):
        asleep, awake = AWatch(sleeper), AWatch(other)
        await asleep.next()
        await awake.next()

        for number in range(1000):
            data = b"%4d" % number + bytes(2000)
            await writer.AffiliateUpdate(an_update("busy", affiliate_data=data))
        newest = b" 999"

        def reached(known: dict[str, pb.Affiliate]) -> bool:
            return "busy" in known and known["busy"].data.startswith(newest)

        await awake.until(reached)
        await asleep.until(reached)


async def test_watcher_that_reads_nothing_for_too_long_is_aborted_alone() -> None:
    async with (
        a_service(watcher_stall_s=0.3) as address,
        a_client(address) as writer,
        a_client(address, *NARROW) as sleeper,
        a_client(address) as other,
    ):
        asleep, awake = AWatch(sleeper), AWatch(other)
        await asleep.next()
        await awake.next()

        async with asyncio.timeout(20), asyncio.TaskGroup() as group:
            group.create_task(awake.until(lambda known: "last" in known))
            enough_s = asyncio.get_running_loop().time() + 1.5
            while asyncio.get_running_loop().time() < enough_s:
                update = an_update("busy", affiliate_data=os.urandom(2048))
                await writer.AffiliateUpdate(update)
            await writer.AffiliateUpdate(an_update("last"))

        assert await _status_of_the_rest(asleep) is Code.ABORTED


async def _status_of_the_rest(watch: AWatch) -> grpc.StatusCode:
    try:
        while await asyncio.wait_for(watch.call.read(), 10) is not grpc.aio.EOF:
            pass
    except grpc.aio.AioRpcError as error:
        return error.code()
    return Code.OK


async def test_herd_of_watchers_is_served_whole() -> None:
    async with a_service_and_client() as client:
        watches = [AWatch(client) for _ in range(500)]
        for watch in watches:
            await watch.next()
        await client.AffiliateUpdate(an_update(affiliate_data=b"d"))
        messages = [await watch.next() for watch in watches]

    assert {message.affiliates[0].id for message in messages} == {"af1"}


async def test_empty_cluster_is_swept_and_works_again() -> None:
    async with a_service_and_client(gc_interval_s=0.01) as client:
        for _ in range(20):
            await client.AffiliateUpdate(an_update(affiliate_data=b"d", ttl_ns=1))
            await asyncio.sleep(0.005)
        watch = AWatch(client)
        await watch.until(lambda known: not known)

        await client.AffiliateUpdate(an_update("new", ttl_ns=10**12))
        await watch.until(lambda known: "new" in known)
