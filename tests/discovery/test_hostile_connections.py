"""Peers that do not behave, below the calls; others do not notice.

What takes 10 s, 40 s or 5 minutes in the world takes less here: the options of the
server are those of the program, with other times.
"""

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest

from discovery.api import cluster_pb2 as pb
from discovery.api.cluster_pb2_grpc import ClusterStub
from discovery.drivers import grpc_server
from tests.discovery import http2
from tests.discovery.neighbour import a_neighbour
from tests.discovery.running import a_client, a_service, an_update, code_of
from tests.discovery.service_program import a_program, address_of

Code = grpc.StatusCode
HELLO = pb.HelloRequest(cluster_id="c")
SETTINGS = b"\x00\x00\x00\x04\x00\x00\x00\x00\x00"
# 256 bytes of headers are promised and 3 sent
HALF_HEADERS = b"\x00\x01\x00\x01\x04\x00\x00\x00\x01abc"
# whole, but the block goes on in a frame that never comes
OPEN_HEADERS = b"\x00\x00\x03\x01\x00\x00\x00\x00\x01\x00\x01a"


@pytest.fixture
def _times_are_short(monkeypatch: pytest.MonkeyPatch) -> None:
    short = {
        "grpc.server_handshake_timeout_ms": 500,
        "grpc.keepalive_time_ms": 1_000,
        "grpc.http2.ping_timeout_ms": 500,
        "grpc.max_connection_idle_ms": 60_000,
    }
    options = {**dict(grpc_server.OPTIONS), **short}
    monkeypatch.setattr(grpc_server, "OPTIONS", tuple(options.items()))


def test_times_a_peer_has_are_those_that_are_documented() -> None:
    options = dict(grpc_server.OPTIONS)

    assert options["grpc.server_handshake_timeout_ms"] == 10_000
    assert options["grpc.keepalive_time_ms"] == 30_000
    assert options["grpc.http2.ping_timeout_ms"] == 10_000
    assert options["grpc.max_connection_idle_ms"] == 300_000


async def seconds_until_closed(address: str, sent: bytes) -> float:
    """Connect, send so much and then nothing; how long that is put up with."""
    began_s = time.monotonic()
    reader, writer = await connect(address)
    writer.write(sent)
    async with asyncio.timeout(20):
        while await reader.read(4096):
            pass
    writer.close()
    return time.monotonic() - began_s


async def connect(address: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    host, _, port = address.rpartition(":")
    return await asyncio.open_connection(host, int(port))


@pytest.mark.usefixtures("_times_are_short")
@pytest.mark.parametrize(
    ("sent", "within_s"),
    [
        pytest.param(b"", 0.5, id="nothing at all"),
        pytest.param(http2.PREFACE[:10], 0.5, id="half a preface"),
        pytest.param(http2.PREFACE, 0.5, id="a preface and no settings"),
        pytest.param(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", 0.0, id="HTTP 1"),
        pytest.param(bytes(1000), 0.0, id="noise"),
        pytest.param(http2.PREFACE + SETTINGS, 1.5, id="no answer to pings"),
        pytest.param(http2.PREFACE + SETTINGS + HALF_HEADERS, 1.5, id="half headers"),
        pytest.param(
            http2.PREFACE + SETTINGS + OPEN_HEADERS, 1.5, id="endless headers"
        ),
    ],
)
async def test_slow_or_silent_peer_is_closed_after_a_stated_time(
    sent: bytes, within_s: float
) -> None:
    async with a_service() as address, a_neighbour(address):
        took_s = await seconds_until_closed(address, sent)

    assert took_s < within_s + 1.5


async def test_connection_without_a_call_is_told_to_go(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    options = {**dict(grpc_server.OPTIONS), "grpc.max_connection_idle_ms": 300}
    monkeypatch.setattr(grpc_server, "OPTIONS", tuple(options.items()))
    async with a_service() as address, http2.connected(address) as connection:
        async with asyncio.timeout(10):
            frame = await connection.receive()
            while frame.kind != http2.GOAWAY:
                frame = await connection.receive()


@pytest.mark.usefixtures("_times_are_short")
async def test_half_open_watcher_is_noticed_by_its_silence() -> None:
    """Its host vanished: it never closes, never reads, never answers."""
    request = pb.WatchRequest(cluster_id="c").SerializeToString()
    async with (
        a_service(watches_max=2) as address,
        a_neighbour(address),
        http2.connected(address) as vanished,
    ):
        vanished.open_call("Watch", request)
        await vanished.receive()
        await asyncio.sleep(0.2)
        taken = await opens_a_watch(address)

        async with asyncio.timeout(10):
            while await opens_a_watch(address) is not Code.OK:
                await asyncio.sleep(0.1)

    assert taken is Code.RESOURCE_EXHAUSTED


async def opens_a_watch(address: str) -> grpc.StatusCode:
    async with a_client(address) as client:
        return await code_of(client.Watch(pb.WatchRequest(cluster_id="c")).read())


async def test_one_connection_too_many_is_closed_and_the_others_stay() -> None:
    async with a_service(connections_max=4) as address, a_neighbour(address):
        kept, refused = [], 0
        for _ in range(10):
            reader, writer = await connect(address)
            writer.write(http2.PREFACE + SETTINGS)
            try:
                answer = await asyncio.wait_for(reader.read(9), 5)
            except ConnectionError:
                answer = b""
            refused += not answer
            kept.append(writer)

        for writer in kept:
            writer.close()
        async with asyncio.timeout(10), a_client(address) as newcomer:
            while await code_of(newcomer.Hello(HELLO)) is not Code.OK:
                await asyncio.sleep(0.1)

    assert refused == 7  # the neighbour has one of four


async def test_calls_without_a_request_end_while_others_are_served(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("discovery.service.interceptors.REQUEST_S", 0.3)
    streams = range(1, 2001, 2)
    async with (
        a_service() as address,
        a_neighbour(address),
        http2.connected(address) as connection,
    ):
        for stream in streams:
            connection.open_stream("List", stream)
        ended = 0
        async with asyncio.timeout(20):
            while ended < len(streams):
                frame = await connection.receive()
                ended += frame.kind == http2.HEADERS and frame.flags % 2


async def test_streams_that_are_reset_at_once_cost_others_nothing() -> None:
    """CVE-2023-44487, by one connection."""
    request = pb.ListRequest(cluster_id="c").SerializeToString()
    async with (
        a_service() as address,
        a_neighbour(address),
        http2.connected(address) as connection,
    ):
        for number in range(5000):
            stream = 2 * number + 1
            connection.open_call("List", request, stream)
            connection.send(http2.RST_STREAM, 0, stream, (8).to_bytes(4))


async def test_large_replies_that_nobody_reads_take_a_bounded_room() -> None:
    """One connection asks 300 times for a full cluster and takes nothing of it."""
    request = pb.ListRequest(cluster_id="c").SerializeToString()
    flags = ("--addr=127.0.0.1:0", "--rate-limit=0", "--watcher-stall=500ms")
    async with a_program(*flags) as program:
        address = await address_of(program)
        async with (
            a_neighbour(address) as neighbour,
            http2.connected(address) as greedy,
        ):
            await fill(neighbour)
            before_mib = resident_mib(program.pid)
            for number in range(300):
                method = "List" if number % 2 else "Watch"
                greedy.open_call(method, request, 2 * number + 1)
                await asyncio.sleep(0.01)
            grown_mib = resident_mib(program.pid) - before_mib

    assert grown_mib < 256  # of more than 1,000


async def fill(client: ClusterStub) -> None:
    """Make a cluster of 4.5 MB."""

    async def put(number: int) -> None:
        endpoints = [bytes([n]) * 32 for n in range(64)]
        fields = {"affiliate_data": bytes(2048), "ttl_ns": 10**12}
        await client.AffiliateUpdate(an_update(f"{number:0200}", *endpoints, **fields))

    for start in range(0, 1024, 64):
        async with asyncio.TaskGroup() as group:
            for number in range(start, start + 64):
                group.create_task(put(number))


def resident_mib(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) // 1024


async def test_calls_that_wait_for_their_turn_are_bounded_and_hold_up_nobody() -> None:
    """At 2 calls a second no more than 120 wait, for a minute at most."""
    limits = {"rate_limit_per_s": 2.0, "rate_burst": 1, "trust_x_real_ip": True}
    hasty, other = (("x-real-ip", "192.0.2.1"),), (("x-real-ip", "192.0.2.2"),)
    async with a_service(**limits) as address, a_client(address) as client:
        calls = [client.Hello(HELLO, metadata=hasty) for _ in range(300)]
        await asyncio.sleep(0.3)
        began_s = time.monotonic()
        answered = await code_of(client.Hello(HELLO, metadata=other))
        took_s = time.monotonic() - began_s
        ended = [await code_of(call) for call in calls if call.done()]
        for call in calls:
            call.cancel()

    assert (answered, took_s < 1.0) == (Code.OK, True)
    assert 170 <= ended.count(Code.RESOURCE_EXHAUSTED) <= 180


async def test_thousand_connects_a_second_keep_nobody_waiting() -> None:
    """Half of them say hello, all of them go without a word."""
    slowest_s = 0.0
    async with a_program("--addr=127.0.0.1:0", "--rate-limit=0") as program:
        address = await address_of(program)
        async with a_neighbour(address) as neighbour, asyncio.TaskGroup() as group:
            storm = group.create_task(a_storm(address, 2000))
            while not storm.done():
                began_s = time.monotonic()
                assert await code_of(neighbour.Hello(HELLO)) is Code.OK
                slowest_s = max(slowest_s, time.monotonic() - began_s)
                await asyncio.sleep(0.01)

    assert slowest_s < 1.0
    assert storm.result() >= 1000  # a second


async def a_storm(address: str, connects: int) -> float:
    """Connect so often, 100 at a time; return how often that was a second."""
    began_s = time.monotonic()
    for numbers in _in_hundreds(connects):
        async with asyncio.TaskGroup() as group:
            for number in numbers:
                group.create_task(connect_and_go(address, says_hello=number % 2 == 0))
    return connects / (time.monotonic() - began_s)


async def connect_and_go(address: str, *, says_hello: bool) -> None:
    _, writer = await connect(address)
    if says_hello:
        writer.write(http2.PREFACE + SETTINGS)
    transport: Any = writer.transport
    transport.abort()


def _in_hundreds(number: int) -> Iterator[range]:
    return (range(start, min(start + 100, number)) for start in range(0, number, 100))
