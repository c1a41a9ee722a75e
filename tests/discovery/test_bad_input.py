"""Bad input in calls, and what it gets; others do not notice.

What lies below the calls is in ``test_hostile_connections.py``, what can be shown on
bytes alone in ``service/test_fuzz.py`` and ``service/test_validation.py``.
"""

import asyncio
import logging
import resource
import time
import tracemalloc
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc_health.v1.health_pb2 import HealthCheckRequest

from discovery.api import cluster_pb2 as pb
from discovery.drivers.log_lines import LineFormatter
from discovery.metrics.metrics import Metrics
from discovery.service.call import Call
from discovery.service.cluster_service import ClusterService
from discovery.service.refusal import Exhausted
from discovery.service.watchers import Watchers
from discovery.state.clusters import Clusters
from discovery.stores.memory import MemoryStore
from tests.discovery.neighbour import a_neighbour
from tests.discovery.running import (
    AWatch,
    a_service,
    a_service_and_client,
    an_update,
    code_of,
    listed,
)

Code = grpc.StatusCode
HELLO = pb.HelloRequest(cluster_id="c")
MIB = 1024 * 1024


@pytest.mark.parametrize("raw", [b"\xff" * 100, b"\x0a\x05abc", b"\x0a\x01\xff"])
@pytest.mark.parametrize(
    "method", ["Hello", "AffiliateUpdate", "AffiliateDelete", "List", "Watch"]
)
async def test_garbage_is_internal_for_every_call(method: str, raw: bytes) -> None:
    async with (
        a_service() as address,
        grpc.aio.insecure_channel(address) as channel,
    ):
        path = f"/sidero.discovery.server.Cluster/{method}"
        call = channel.unary_unary(path)(raw, timeout=10)

        assert await code_of(call) is Code.INTERNAL


async def test_requests_of_ten_mebibytes_are_exhausted_and_not_kept() -> None:
    request = an_update(affiliate_data=bytes(10 * MIB)).SerializeToString()
    path = "/sidero.discovery.server.Cluster/AffiliateUpdate"

    async with a_service() as address, a_neighbour(address):
        before = _resident_kib()
        async with grpc.aio.insecure_channel(
            address, (("grpc.max_send_message_length", -1),)
        ) as channel:
            send = channel.unary_unary(path)
            codes = {await code_of(send(request, timeout=10)) for _ in range(20)}
        grown = _resident_kib() - before

    assert codes == {Code.RESOURCE_EXHAUSTED}
    assert grown < 100 * 1024  # of 200 MiB sent; the client is in this process too


async def test_compressed_requests_are_unimplemented_and_not_unpacked() -> None:
    # Source: discovery.md 2.8.
    async with a_service_and_client() as client:
        call = client.Hello(HELLO, compression=grpc.Compression.Gzip)

        assert await code_of(call) is Code.UNIMPLEMENTED


async def test_headers_beyond_16_kib_are_refused() -> None:
    async with a_service() as address, a_neighbour(address) as client:
        codes = [
            await code_of(client.Hello(HELLO, metadata=(("x-y", "z" * size),)))
            for size in (8_000, 100_000)
        ]

    assert codes == [Code.OK, Code.RESOURCE_EXHAUSTED]


@pytest.mark.parametrize(
    "metadata",
    [
        (("x-real-ip", "1.2.3.4"),),
        (("x-forwarded-for", "1.2.3.4"),),
        (("x-real-ip", "fe80::1%" + "z" * 1000), ("x-forwarded-for", ",,,,")),
        tuple(("x-forwarded-for", f"9.9.9.{n}") for n in range(200)),
    ],
    ids=["real IP", "forwarded", "nonsense", "many"],
)
async def test_spoofed_headers_change_nothing(metadata: Any) -> None:
    settings = {"rate_limit_per_s": 0.05, "rate_burst": 2}
    async with a_service_and_client(**settings) as client:
        first = await client.Hello(HELLO, metadata=metadata)
        await client.Hello(HELLO)
        third = client.Hello(HELLO, metadata=metadata, timeout=1)

        assert first.client_ip == bytes([127, 0, 0, 1])
        assert await code_of(third) is Code.RESOURCE_EXHAUSTED


async def test_text_of_others_stands_in_the_log_as_one_line(
    capfd: pytest.CaptureFixture[str],
) -> None:
    evil = 'a\n{"level":"error"}\r\x1b[31m<script>\u2028'
    handler = logging.StreamHandler()
    handler.setFormatter(LineFormatter(as_json=True))
    log = logging.getLogger("discovery.service.interceptors")
    log.addHandler(handler)
    level = log.level
    log.setLevel(logging.DEBUG)
    try:
        async with a_service_and_client() as client:
            request = pb.HelloRequest(cluster_id="c", client_version=evil)
            assert await code_of(client.Hello(request)) is Code.OK
    finally:
        log.removeHandler(handler)
        log.setLevel(level)

    lines = capfd.readouterr().err.splitlines()
    told = [line for line in lines if "script" in line]
    assert len(told) == 1
    assert told[0].isascii()
    assert told[0].isprintable()


async def test_million_cluster_ids_take_the_room_of_those_that_fit() -> None:
    # A hundred thousand here; a million was measured the same way.
    clusters, watchers, metrics = Clusters(clusters_max=1000), Watchers(), Metrics()
    store = MemoryStore(
        clusters, watchers.announce, lambda: 0, metrics, watchers.is_watched
    )
    service = ClusterService(clusters, store, watchers, metrics)
    call = Call("AffiliateUpdate", None)

    async def flood(start: int, stop: int) -> int:
        refused = 0
        for number in range(start, stop):
            request = an_update(cluster_id=f"c{number:07}", affiliate_data=b"d" * 100)
            try:
                await service.affiliate_update(request.SerializeToString(), call)
            except Exhausted:
                refused += 1
        return refused

    taken = 1000 - await flood(0, 1000)
    tracemalloc.start()
    refused = await flood(1000, 100_000)
    grown_bytes, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert (taken, refused, len(clusters)) == (1000, 99_000, 1000)
    assert grown_bytes < 100_000


async def test_full_service_refuses_new_clusters_and_serves_the_old_ones() -> None:
    async with a_service_and_client(clusters_max=1) as client:
        await client.AffiliateUpdate(an_update(affiliate_data=b"d"))
        other = an_update(cluster_id="other", affiliate_data=b"d")

        codes = [
            await code_of(client.AffiliateUpdate(other)),
            await code_of(AWatch(client, "other").call.read()),
            await code_of(client.List(pb.ListRequest(cluster_id="other"))),
            await code_of(client.AffiliateUpdate(an_update("b"))),
        ]

        assert set(await listed(client)) == {"af1", "b"}
    assert codes == [Code.RESOURCE_EXHAUSTED] * 2 + [Code.OK] * 2


async def test_clock_that_is_set_ends_no_life(monkeypatch: pytest.MonkeyPatch) -> None:
    async with a_service_and_client(gc_interval_s=0.02) as client:
        await client.AffiliateUpdate(an_update(affiliate_data=b"d", ttl_ns=60 * 10**9))
        real_time, real_time_ns = time.time, time.time_ns
        day_s = 86_400
        for step_s in (365 * day_s, -365 * day_s):
            monkeypatch.setattr(time, "time", lambda s=step_s: real_time() + s)
            monkeypatch.setattr(
                time, "time_ns", lambda s=step_s: real_time_ns() + s * 10**9
            )
            await asyncio.sleep(0.1)

            assert set(await listed(client)) == {"af1"}
            await client.AffiliateUpdate(an_update("short", ttl_ns=1))
            await asyncio.sleep(0.1)
            assert set(await listed(client)) == {"af1"}


async def test_only_admitted_clusters_are_served_and_files_are_noticed(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    allowed, tokens = tmp_path / "allowed", tmp_path / "tokens"
    allowed.write_text("# ours\nc\n")
    tokens.write_text("closed top-secret\n")
    tokens.chmod(0o600)
    paths = {"allowed_clusters_path": allowed, "cluster_tokens_path": tokens}
    caplog.set_level(logging.DEBUG)

    async def code(cluster_id: str, token: str = "") -> grpc.StatusCode:
        metadata = (("authorization", f"Bearer {token}"),) if token else ()
        request = pb.ListRequest(cluster_id=cluster_id)
        return await code_of(client.List(request, metadata=metadata))

    async with a_service_and_client(**paths) as client:
        before = [await code("c"), await code("other"), await code("closed")]
        with_token = [await code("closed", "top-secret"), await code("closed", "bad")]
        bad_watch = await code_of(AWatch(client, "other").call.read())
        allowed.write_text("other\n")
        after = [await code("c"), await code("other")]
        empty = await code("")

    assert before == [Code.OK, Code.PERMISSION_DENIED, Code.PERMISSION_DENIED]
    assert with_token == [Code.OK, Code.PERMISSION_DENIED]
    assert bad_watch is Code.PERMISSION_DENIED
    assert after == [Code.PERMISSION_DENIED, Code.OK]
    assert empty is Code.INVALID_ARGUMENT
    assert "top-secret" not in caplog.text
    assert "top-secret" not in str([vars(record) for record in caplog.records])


async def test_health_is_under_the_same_rate_limit() -> None:
    settings = {"rate_limit_per_s": 0.05, "rate_burst": 3}
    async with (
        a_service(**settings) as address,
        grpc.aio.insecure_channel(address) as channel,
    ):
        check = channel.unary_unary("/grpc.health.v1.Health/Check")
        raw = HealthCheckRequest().SerializeToString()
        codes = [await code_of(check(raw, timeout=1)) for _ in range(4)]

    assert codes == [Code.OK] * 3 + [Code.RESOURCE_EXHAUSTED]


def _resident_kib() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
