"""The API as a client sees it, served for real on loopback."""

import asyncio

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration

from discovery.api import cluster_pb2 as pb
from tests.discovery.running import (
    AWatch,
    a_client,
    a_service,
    a_service_and_client,
    an_update,
    code_of,
    listed,
)

Code = grpc.StatusCode
S = 10**9
LONG = "A" * 1024


@pytest.mark.parametrize(
    ("listen", "expected"),
    [
        pytest.param("127.0.0.1:0", bytes([127, 0, 0, 1]), id="IPv4"),
        pytest.param("[::1]:0", bytes(15) + b"\x01", id="IPv6"),
    ],
)
async def test_hello_tells_the_callers_address(listen: str, expected: bytes) -> None:
    async with a_service_and_client(addr=listen) as client:
        response = await client.Hello(
            pb.HelloRequest(cluster_id="fake", client_version="v0.12.0")
        )

    assert response.client_ip == expected
    assert not response.HasField("redirect")


async def test_one_listener_serves_both_families() -> None:
    async with a_service(addr=":0") as address:
        port = address.rpartition(":")[2]
        answers = []
        for host in ("127.0.0.1", "[::1]"):
            async with a_client(f"{host}:{port}") as client:
                answers.append(await client.Hello(pb.HelloRequest(cluster_id="c")))

    assert [len(answer.client_ip) for answer in answers] == [4, 16]


# Source: discovery.md 6.1, HelloWithRealIP and HelloWithForwardedFor.
@pytest.mark.parametrize(
    ("trust", "expected"),
    [
        pytest.param({}, "7f000001", id="none trusted"),
        pytest.param({"trust_x_real_ip": True}, "01020304", id="x-real-ip"),
        pytest.param(
            {"trust_first_x_forwarded_for": True}, "05060708", id="x-forwarded-for"
        ),
    ],
)
async def test_headers_are_believed_only_if_trusted(
    trust: dict[str, bool], expected: str
) -> None:
    metadata = (("x-real-ip", "1.2.3.4"), ("x-forwarded-for", "5.6.7.8,192.168.0.0.1"))

    async with a_service_and_client(**trust) as client:
        request = pb.HelloRequest(cluster_id="fake")
        response = await client.Hello(request, metadata=metadata)

    assert response.client_ip == bytes.fromhex(expected)


async def test_hello_redirects_if_configured() -> None:
    async with a_service_and_client(redirect_endpoint="new.example.com:443") as client:
        response = await client.Hello(pb.HelloRequest(cluster_id="c"))

    assert response.redirect.endpoint == "new.example.com:443"


# Source: discovery.md 6.1, Validation.
@pytest.mark.parametrize(
    ("method", "request_"),
    [
        ("Hello", pb.HelloRequest()),
        ("Hello", pb.HelloRequest(cluster_id=LONG)),
        ("AffiliateUpdate", pb.AffiliateUpdateRequest()),
        ("AffiliateUpdate", an_update(cluster_id="A" * 257)),
        ("AffiliateUpdate", an_update(affiliate_id="A" * 257)),
        ("AffiliateUpdate", an_update(affiliate_data=bytes(2049))),
        ("AffiliateUpdate", an_update("a", bytes(33))),
        ("AffiliateUpdate", an_update("a", b"")),
        ("AffiliateUpdate", an_update(ttl=Duration(seconds=1800, nanos=1))),
        ("AffiliateUpdate", an_update(ttl=Duration(seconds=2**62))),
        ("AffiliateDelete", pb.AffiliateDeleteRequest()),
        ("AffiliateDelete", pb.AffiliateDeleteRequest(cluster_id="c")),
        (
            "AffiliateDelete",
            pb.AffiliateDeleteRequest(cluster_id="c", affiliate_id=LONG),
        ),
        ("List", pb.ListRequest()),
        ("List", pb.ListRequest(cluster_id=LONG)),
    ],
)
async def test_requests_beyond_a_limit_are_invalid(method: str, request_) -> None:
    async with a_service_and_client() as client:
        code = await code_of(getattr(client, method)(request_))

        assert await listed(client) == {}

    assert code is Code.INVALID_ARGUMENT


@pytest.mark.parametrize("cluster_id", ["", LONG])
async def test_watch_of_a_bad_cluster_is_invalid_at_the_first_read(
    cluster_id: str,
) -> None:
    async with a_service_and_client() as client:
        watch = AWatch(client, cluster_id)

        code = await code_of(watch.call.read())

    assert code is Code.INVALID_ARGUMENT


async def test_updates_merge_and_keep_the_order_of_endpoints() -> None:
    # Source: discovery.md 6.1, ServerAPI/AffiliateUpdate.
    async with a_service_and_client() as client:
        await client.AffiliateUpdate(
            an_update("af1", b"e1", b"e2", affiliate_data=b"data1", ttl_ns=60 * S)
        )
        first = await listed(client)
        await client.AffiliateUpdate(an_update("af1", b"e3", b"e2", ttl_ns=60 * S))
        second = await listed(client)

    assert list(first["af1"].endpoints) == [b"e1", b"e2"]
    assert list(second["af1"].endpoints) == [b"e1", b"e2", b"e3"]
    assert second["af1"].data == b"data1"


async def test_deleting_works_for_the_known_and_the_unknown() -> None:
    # Source: discovery.md 6.1, ServerAPI/AffiliateDelete.
    request = pb.AffiliateDeleteRequest(cluster_id="c", affiliate_id="af1")

    async with a_service_and_client() as client:
        await client.AffiliateDelete(request)
        await client.AffiliateUpdate(an_update())
        await client.AffiliateDelete(request)

        assert await listed(client) == {}


async def test_watch_tells_snapshot_updates_and_deletions() -> None:
    # Source: discovery.md 6.1, ServerAPI/Watch.
    async with a_service_and_client() as client:
        await client.AffiliateUpdate(an_update("af1", affiliate_data=b"data1"))
        watch = AWatch(client)
        snapshot = await watch.next()
        await client.AffiliateUpdate(an_update("af2", b"e", affiliate_data=b"data2"))
        update = await watch.next()
        await client.AffiliateDelete(
            pb.AffiliateDeleteRequest(cluster_id="c", affiliate_id="af1")
        )
        deletion = await watch.next()

    af1 = pb.Affiliate(id="af1", data=b"data1")
    af2 = pb.Affiliate(id="af2", data=b"data2", endpoints=[b"e"])
    assert snapshot == pb.WatchResponse(affiliates=[af1])
    assert update == pb.WatchResponse(affiliates=[af2])
    gone = pb.Affiliate(id="af1")
    assert deletion == pb.WatchResponse(affiliates=[gone], deleted=True)


async def test_snapshot_comes_at_once_also_when_empty() -> None:
    async with a_service_and_client() as client:
        watch = AWatch(client)

        async with asyncio.timeout(1):
            assert await watch.next() == pb.WatchResponse()


@pytest.mark.parametrize(
    "again",
    [
        pytest.param(an_update("af1", ttl_ns=60 * S), id="nothing"),
        pytest.param(an_update("af1", b"e", ttl_ns=60 * S), id="a known endpoint"),
        pytest.param(an_update("af1", affiliate_data=b"d"), id="the same data"),
        pytest.param(
            pb.AffiliateDeleteRequest(cluster_id="c", affiliate_id="no"), id="no one"
        ),
        pytest.param(an_update(cluster_id="other"), id="another cluster"),
    ],
)
async def test_what_changes_nothing_is_not_announced(again) -> None:
    async with a_service_and_client() as client:
        await client.AffiliateUpdate(an_update("af1", b"e", affiliate_data=b"d"))
        watch = AWatch(client)
        await watch.next()

        if isinstance(again, pb.AffiliateDeleteRequest):
            await client.AffiliateDelete(again)
        else:
            await client.AffiliateUpdate(again)

        assert await watch.is_quiet(client)


@pytest.mark.parametrize("seconds", [None, 0, -1, -(2**63), -315_576_000_000])
async def test_records_without_a_life_stay_until_the_sweep(seconds) -> None:
    request = an_update(affiliate_data=b"d")
    if seconds is not None:
        request.ttl.seconds = seconds

    async with a_service_and_client() as client:
        await client.AffiliateUpdate(request)

        assert list(await listed(client)) == ["af1"]


async def test_sweep_tells_endpoint_as_update_and_affiliate_as_deletion() -> None:
    async with a_service_and_client(gc_interval_s=0.05) as client:
        watch = AWatch(client)
        await watch.next()
        await client.AffiliateUpdate(
            an_update("af1", b"e1", affiliate_data=b"d", ttl_ns=S)
        )
        await client.AffiliateUpdate(an_update("af1", b"e2", ttl_ns=S // 5))
        added = [await watch.next(), await watch.next()]
        fewer = await watch.next()
        gone = await watch.next()

    assert list(added[1].affiliates[0].endpoints) == [b"e1", b"e2"]
    left = pb.Affiliate(id="af1", data=b"d", endpoints=[b"e1"])
    assert fewer == pb.WatchResponse(affiliates=[left])
    assert gone == pb.WatchResponse(affiliates=[pb.Affiliate(id="af1")], deleted=True)


async def test_full_cluster_and_full_affiliate_are_exhausted() -> None:
    # Source: discovery.md 6.1, AffiliateUpdateTooMany and …TooManyEndpoints.
    async with a_service_and_client() as client:
        async with asyncio.TaskGroup() as group:
            for number in range(1024):
                group.create_task(_answered(client, an_update(f"af{number}")))
        newcomer = await code_of(client.AffiliateUpdate(an_update("af")))
        known = await code_of(client.AffiliateUpdate(an_update("af0", b"e")))
        full = an_update("af0", *[b"%d" % n for n in range(64)])
        overflow = await code_of(client.AffiliateUpdate(full))
        after = await listed(client)

    assert (newcomer, known) == (Code.RESOURCE_EXHAUSTED, Code.OK)
    assert overflow is Code.RESOURCE_EXHAUSTED
    assert list(after["af0"].endpoints) == [b"e"]
    assert len(after) == 1024


async def _answered(client, request: pb.AffiliateUpdateRequest) -> None:
    await client.AffiliateUpdate(request)


async def test_full_cluster_reaches_a_client_with_default_limits() -> None:
    async with a_service() as address, a_client(address) as client:
        async with asyncio.TaskGroup() as group:
            for number in range(1024):
                blobs = [b"%2d" % n + bytes(30) for n in range(64)]
                name = f"{number:0256}"
                request = an_update(name, *blobs, affiliate_data=bytes(2048))
                group.create_task(_answered(client, request))
        watch = AWatch(client)
        await watch.until(lambda known: len(known) == 1024)
        limit = ("grpc.max_receive_message_length", 5 * 1024 * 1024)
        async with a_client(address, limit) as generous:
            response = await generous.List(pb.ListRequest(cluster_id="c"))

    assert response.ByteSize() == 4_596_736


async def test_no_change_is_lost_between_snapshot_and_increments() -> None:
    async with (
        a_service() as address,
        a_client(address) as writer,
        a_client(address) as reader,
    ):

        async def write() -> None:
            for number in range(200):
                await writer.AffiliateUpdate(an_update(f"af{number}"))

        async with asyncio.TaskGroup() as group:
            group.create_task(write())
            watches = []
            for _ in range(10):
                watches.append(AWatch(reader))
                await asyncio.sleep(0.01)
            for watch in watches:
                group.create_task(watch.until(lambda known: len(known) == 200))


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        pytest.param(b"\xff\xff", Code.INTERNAL, id="garbage"),
        pytest.param(bytes(4 * 1024 * 1024 + 1), Code.RESOURCE_EXHAUSTED, id="4 MiB"),
    ],
)
async def test_bytes_that_are_no_request_get_their_status(
    raw: bytes, code: Code
) -> None:
    async with (
        a_service() as address,
        grpc.aio.insecure_channel(address) as channel,
    ):
        call = channel.unary_unary("/sidero.discovery.server.Cluster/List")(raw)

        assert await code_of(call) is code


@pytest.mark.parametrize(
    "path",
    [
        "/sidero.discovery.server.Cluster/Nothing",
        "/grpc.health.v1.Health/Nothing",
        "/grpc.channelz.v1.Channelz/GetServers",
    ],
)
async def test_unknown_methods_are_unimplemented(path: str) -> None:
    async with (
        a_service() as address,
        grpc.aio.insecure_channel(address) as channel,
    ):
        assert await code_of(channel.unary_unary(path)(b"")) is Code.UNIMPLEMENTED


async def test_hasty_caller_waits_or_is_refused_if_it_cannot() -> None:
    # Source: discovery.md 3.4.
    request = pb.ListRequest(cluster_id="c")
    async with a_service_and_client(rate_limit_per_s=2, rate_burst=5) as client:
        burst = [await code_of(client.List(request)) for _ in range(5)]
        hasty = await code_of(client.List(request, timeout=0.1))
        patient = await code_of(client.List(request, timeout=5))

    assert set(burst) == {Code.OK}
    assert hasty is Code.RESOURCE_EXHAUSTED
    assert patient is Code.OK


async def test_opening_a_watch_counts_as_a_call_and_waits_too() -> None:
    async with a_service_and_client(rate_limit_per_s=5, rate_burst=1) as client:
        await client.List(pb.ListRequest(cluster_id="c"))

        assert await AWatch(client).next() == pb.WatchResponse()


async def test_callers_behind_a_trusted_proxy_do_not_share_a_bucket() -> None:
    # Source: discovery.md 6.1, ServerRateLimit. There the rate is 1/s: a test that then
    # fails if 60 calls take more than a tenth of a second; here they may take 9 s.
    settings = {"rate_limit_per_s": 0.1, "rate_burst": 60}
    trust = {"trust_x_real_ip": True, "trust_first_x_forwarded_for": True}
    request = pb.HelloRequest(cluster_id="c")

    async with a_service_and_client(**settings, **trust) as client:
        for header in (("x-real-ip", "1.2.3.4"), ("x-forwarded-for", "5.6.7.8")):
            codes = [
                await code_of(client.Hello(request, metadata=(header,), timeout=0.9))
                for _ in range(61)
            ]
            assert codes == [Code.OK] * 60 + [Code.RESOURCE_EXHAUSTED]
