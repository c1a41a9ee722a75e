"""Pages, probes and metrics of a whole service, after real calls."""

import asyncio
import json
import os
import ssl
import sys
from pathlib import Path

import aiohttp
import grpc
import pytest
from prometheus_client.parser import text_string_to_metric_families

from discovery.api import cluster_pb2 as pb
from discovery.metrics.metrics import TYPE_BY_METHOD
from tests.discovery.certificates import make_certificate, write_pair
from tests.discovery.running import (
    AWatch,
    a_client,
    a_service,
    a_service_with_pages,
    an_update,
    code_of,
)

STALLED = "discovery_fanout_stalled_watchers_total"
# A client that takes next to nothing ahead of what it reads.
NARROW = (("grpc.http2.bdp_probe", 0), ("grpc.http2.lookahead_bytes", 1024))


class Scrape:
    """What one reading of the metrics says."""

    def __init__(self, text: str) -> None:
        families = text_string_to_metric_families(text)
        self.samples = [sample for family in families for sample in family.samples]

    def value(self, name: str, **labels: str) -> float:
        """Sum what a metric says of these labels."""
        return sum(
            sample.value
            for sample in self.samples
            if sample.name == name and labels.items() <= sample.labels.items()
        )


async def read(url: str) -> str:
    async with aiohttp.ClientSession() as http, http.get(url) as answer:
        assert answer.status == 200
        return await answer.text()


async def scrape(url: str) -> Scrape:
    return Scrape(await read(f"{url}/metrics"))


# line 11 of the checklist
async def test_hellos_are_counted_by_version_also_invalid_ones() -> None:
    async with a_service_with_pages() as at, a_client(at.api) as client:
        for cluster_id, version in (
            ("c", "v1.8.3"),
            ("c", "v1.8.0"),
            ("", "v1.8.3-dirty"),
            ("x" * 257, "nonsense"),
        ):
            hello = pb.HelloRequest(cluster_id=cluster_id, client_version=version)
            await code_of(client.Hello(hello))

        seen = await scrape(at.metrics)

    counted = {
        sample.labels["client_version"]: sample.value
        for sample in seen.samples
        if sample.name == "discovery_server_hello_requests_total"
    }
    assert counted == {"unknown": 1, "v1.8": 2, "v1.8-pre": 1}


# line 59 of the checklist
async def test_calls_are_counted_by_method_and_status() -> None:
    async with a_service_with_pages() as at, a_client(at.api) as client:
        await client.Hello(pb.HelloRequest(cluster_id="c"))
        await client.AffiliateUpdate(an_update("a", b"e" * 16, affiliate_data=b"1"))
        await code_of(client.AffiliateUpdate(an_update("")))
        await client.List(pb.ListRequest(cluster_id="c"))
        watch = AWatch(client)
        await watch.next()
        await client.AffiliateDelete(
            pb.AffiliateDeleteRequest(cluster_id="c", affiliate_id="a")
        )
        await watch.next()
        during = await scrape(at.metrics)
        watch.call.cancel()
        await code_of(client.List(pb.ListRequest(cluster_id="c")))
        async with asyncio.timeout(10):
            while (await _ended_watches(at.metrics)) == 0:
                await asyncio.sleep(0.02)

    started = {
        m: during.value("grpc_server_started_total", grpc_method=m)
        for m in TYPE_BY_METHOD
    }
    assert started == {
        "Hello": 1,
        "AffiliateUpdate": 2,
        "AffiliateDelete": 1,
        "List": 1,
        "Watch": 1,
    }
    handled = "grpc_server_handled_total"
    update = {"grpc_method": "AffiliateUpdate"}
    assert during.value(handled, grpc_code="OK", **update) == 1
    assert during.value(handled, grpc_code="InvalidArgument", **update) == 1
    assert during.value(handled, grpc_method="Watch") == 0
    assert during.value("grpc_server_msg_received_total", **update) == 2
    assert during.value("grpc_server_msg_sent_total", **update) == 1
    assert during.value("grpc_server_msg_sent_total", grpc_method="Watch") == 2
    assert during.value("grpc_server_handling_seconds_count", **update) == 2
    assert during.value("discovery_state_subscriptions") == 1


async def _ended_watches(url: str) -> float:
    seen = await scrape(url)
    return seen.value("grpc_server_handled_total", grpc_method="Watch")


async def test_state_is_what_is_stored() -> None:
    async with a_service_with_pages() as at, a_client(at.api) as client:
        await client.Hello(pb.HelloRequest(cluster_id="not made by a hello"))
        for number in range(3):
            await client.AffiliateUpdate(
                an_update(f"a{number}", b"e" * 16, b"f" * 16, affiliate_data=b"1")
            )

        seen = await scrape(at.metrics)

    assert seen.value("discovery_state_clusters") == 1
    assert seen.value("discovery_state_affiliates") == 3
    assert seen.value("discovery_state_endpoints") == 6
    assert seen.value("discovery_state_gc_runs_total") >= 1
    assert seen.value("discovery_store_ready") == 1


async def test_news_and_what_is_no_news_are_counted_apart() -> None:
    async with a_service_with_pages() as at, a_client(at.api) as client:
        watch = AWatch(client)
        await watch.next()
        for _ in range(3):
            await client.AffiliateUpdate(an_update("a", affiliate_data=b"same"))
        await watch.next()

        seen = await scrape(at.metrics)

    assert seen.value("discovery_state_unchanged_updates_total") == 2
    assert seen.value("discovery_fanout_batch_affiliates_sum") == 1
    assert seen.value("discovery_fanout_lag_seconds_count") == 1


async def test_watcher_that_is_cut_off_is_counted() -> None:
    async with (
        a_service_with_pages(watcher_stall_s=0.2) as at,
        a_client(at.api) as writer,
        a_client(at.api, *NARROW) as sleeper,
    ):
        watch = AWatch(sleeper)
        await watch.next()
        async with asyncio.timeout(20):
            while not (await scrape(at.metrics)).value(STALLED):
                for _ in range(50):
                    update = an_update("busy", affiliate_data=os.urandom(2048))
                    await writer.AffiliateUpdate(update)

        seen = await scrape(at.metrics)

    assert seen.value(STALLED) == 1


async def test_calls_the_rate_limit_refused_are_in_its_numbers_alone() -> None:
    request = pb.ListRequest(cluster_id="c")
    limit = {"rate_limit_per_s": 0.5, "rate_burst": 1}
    async with a_service_with_pages(**limit) as at, a_client(at.api) as client:
        await client.List(request)
        refused = await code_of(client.List(request, timeout=0.5))

        seen = await scrape(at.metrics)

    assert refused is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert seen.value("grpc_server_started_total") == 1
    assert seen.value("grpc_server_handled_total") == 1
    assert seen.value("discovery_ratelimit_refused_calls_total") == 1
    assert seen.value("discovery_ratelimit_clients") == 1


async def test_storage_is_counted_only_if_something_is_kept(tmp_path: Path) -> None:
    async with a_service_with_pages() as at:
        without = await read(f"{at.metrics}/metrics")
    kept = {"snapshots_enabled": True, "snapshot_path": tmp_path / "state.binpb"}
    async with a_service_with_pages(**kept) as at:
        kept_text = await read(f"{at.metrics}/metrics")

    assert "discovery_storage" not in without
    assert 'discovery_storage_operations_total{operation="load"' in kept_text


# lines 57 and 58 of the checklist
async def test_inspect_shows_what_clients_sent_and_makes_nothing() -> None:
    async with a_service_with_pages() as at, a_client(at.api) as client:
        await client.AffiliateUpdate(
            an_update("node-1", b"\xee" * 16, affiliate_data=b"\xda\x7a")
        )
        page = await read(f"{at.landing}/inspect?clusterID=c")
        await read(f"{at.landing}/inspect?clusterID=another")
        stats = await read(f"{at.landing}/stats")
        seen = await scrape(at.metrics)

    assert "node-1" in page
    assert "da7a" in page
    assert "ee" * 16 in page
    assert stats == '{"affiliates":1}'
    assert seen.value("discovery_state_clusters") == 1


# line 60 of the checklist
async def test_service_that_serves_is_alive_and_ready() -> None:
    async with a_service_with_pages() as at:
        for url in (at.landing, at.metrics):
            assert await read(f"{url}/healthz") == "ok\n"
            assert '"ready": true' in await read(f"{url}/readyz")


async def test_pages_are_over_tls_with_the_certificate_of_the_api(
    tmp_path: Path,
) -> None:
    certificate_path, key_path = write_pair(tmp_path, make_certificate("one"))
    tls = {"certificate_path": certificate_path, "key_path": key_path}
    trusting = ssl.create_default_context(cafile=str(certificate_path))
    async with (
        a_service_with_pages(landing_tls=True, **tls) as at,
        aiohttp.ClientSession() as http,
        http.get(f"{at.landing}/inspect", ssl=trusting) as answer,
    ):
        assert answer.status == 200


async def test_program_serves_pages_on_its_own_event_loop(tmp_path: Path) -> None:
    certificate_path, key_path = write_pair(tmp_path, make_certificate("one"))
    program = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "discovery", "--log-format=json"),
        *("--addr=127.0.0.1:0", "--metrics-addr=127.0.0.1:0"),
        *("--landing-addr=127.0.0.1:0", "--landing-tls=true"),
        *(f"--certificate-path={certificate_path}", f"--key-path={key_path}"),
        "--snapshots-enabled=false",
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(Path.cwd())},
    )
    try:
        address_by_pages = await _listening(program)
        landing = f"https://{address_by_pages['landing']}"
        before = await _read_trusting(landing, certificate_path)
        write_pair(tmp_path, make_certificate("two"))
        after = await _read_trusting(landing, certificate_path)
        seen = await scrape(f"http://{address_by_pages['metrics']}")
    finally:
        program.terminate()
        assert await asyncio.wait_for(program.wait(), 20) == 0

    assert before == after
    assert "This is a discovery service" in after
    assert seen.value("discovery_http_requests_total", page="landing") == 2
    assert seen.value("process_resident_memory_bytes") > 10_000_000


async def _listening(program: asyncio.subprocess.Process) -> dict[str, str]:
    """Read the log until the API listens; return where the pages are."""
    assert program.stderr is not None
    address_by_pages = {}
    while line := await asyncio.wait_for(program.stderr.readline(), 20):
        said = json.loads(line)
        if "pages" in said:
            address_by_pages[said["pages"]] = said["address"]
        elif said["msg"] == "listening":
            break
    return address_by_pages


async def _read_trusting(url: str, certificate_path: Path) -> str:
    """Read a page of whoever shows exactly this certificate."""
    trusting = ssl.create_default_context(cafile=str(certificate_path))
    async with aiohttp.ClientSession() as http, http.get(url, ssl=trusting) as answer:
        return await answer.text()


@pytest.mark.parametrize("which", ["landing_addr", "metrics_addr"])
async def test_address_of_pages_in_use_ends_the_start(which: str) -> None:
    async with a_service() as taken:
        with pytest.raises(ExceptionGroup) as refused:
            async with asyncio.timeout(10), a_service(**{which: taken}):
                pass

    reasons = [str(error) for error in refused.value.exceptions]
    assert reasons == [f"cannot listen on {taken}: Address already in use"]
