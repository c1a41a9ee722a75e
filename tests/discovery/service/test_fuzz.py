"""Whatever bytes the five calls are given: a reply or a refusal, and limits hold.

103,000 cases as it is; ``KUBESPAN_FUZZ=20 make fuzz`` is twenty times that.
"""

import asyncio
import contextlib
import os
from collections.abc import Coroutine, Iterator
from random import Random
from typing import Any

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from discovery.api import cluster_pb2 as pb
from discovery.metrics.metrics import Metrics
from discovery.service.call import Call
from discovery.service.cluster_service import ClusterService
from discovery.service.refusal import Refusal
from discovery.service.watchers import Watchers, WatchLimits
from discovery.state import limits
from discovery.state.affiliate import Affiliate, Endpoint
from discovery.state.clusters import Clusters
from discovery.stores.memory import MemoryStore
from tests.discovery.hostile_requests import RawCall, a_call
from tests.fakes.timer import FakeTimer

Code = grpc.StatusCode
TIMES = int(os.environ.get("KUBESPAN_FUZZ", "1"))
CLUSTERS_MAX = 5
WATCHES_MAX = 8
CALLS = 200
REPLY_BY_METHOD = {
    "Hello": pb.HelloResponse,
    "AffiliateUpdate": pb.AffiliateUpdateResponse,
    "AffiliateDelete": pb.AffiliateDeleteResponse,
    "List": pb.ListResponse,
}
# discovery.md 2.8
DOCUMENTED = {Code.OK, Code.INVALID_ARGUMENT, Code.RESOURCE_EXHAUSTED, Code.INTERNAL}


def cases(number: int) -> settings:
    """So many, or as many times more as is asked for."""
    return settings(
        max_examples=number * TIMES,
        deadline=None,
        database=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )


seeds = st.integers(0, 2**64 - 1)


class AWatcher:
    """Reads messages as the Go client does (discovery.md 5.4)."""

    def __init__(self) -> None:
        self.known: dict[str, pb.Affiliate] | None = None

    async def hear(self, raw: bytes) -> None:
        message = pb.WatchResponse.FromString(raw)
        if self.known is None:
            assert not message.deleted
            self.known = {}
        for affiliate in message.affiliates:
            if message.deleted:
                assert affiliate == pb.Affiliate(id=affiliate.id)
                self.known.pop(affiliate.id, None)
            else:
                self.known[affiliate.id] = affiliate


class Fuzzed:
    """A service whose time a test lets pass, and who watches it."""

    def __init__(self) -> None:
        self.now_ns = 0
        self.timer = FakeTimer()
        self.clusters = Clusters(CLUSTERS_MAX)
        limits_ = WatchLimits(WATCHES_MAX, WATCHES_MAX - 2)
        self.watchers = Watchers(limits_, timer=self.timer)
        metrics = Metrics()
        self.store = MemoryStore(
            self.clusters,
            self.watchers.announce,
            lambda: self.now_ns,
            metrics,
            self.watchers.is_watched,
        )
        self.service = ClusterService(self.clusters, self.store, self.watchers, metrics)
        self.watching: list[tuple[str, AWatcher, asyncio.Task[None]]] = []

    def call(self, call: RawCall) -> Code:
        """Make one call; whatever it ends with must be documented."""
        answers = {
            "Hello": self.service.hello,
            "AffiliateUpdate": self.service.affiliate_update,
            "AffiliateDelete": self.service.affiliate_delete,
            "List": self.service.list,
        }
        noted = Call(call.method, None)
        reply, code = b"", Code.OK
        try:
            reply = at_once(answers[call.method](call.raw, noted))
        except Refusal as refusal:
            code = refusal.code
        assert code in DOCUMENTED
        assert all(len(text) <= 64 for text in noted.fields.values())
        REPLY_BY_METHOD[call.method].FromString(reply)
        return code

    def watch(self, cluster_id: str) -> None:
        watcher = AWatcher()
        request = pb.WatchRequest(cluster_id=cluster_id).SerializeToString()
        watching = self.service.watch(request, Call("Watch", None), watcher.hear)
        task = asyncio.get_running_loop().create_task(watching)
        self.watching.append((cluster_id, watcher, task))

    async def settle(self) -> None:
        """Let everything be told."""
        self.timer.pass_time(1.0)
        for _ in range(4):
            await asyncio.sleep(0)
            self.timer.pass_time(1.0)

    async def pass_time(self, seconds: int) -> None:
        self.now_ns += seconds * limits.NS_PER_S
        await self.store.sweep()

    async def end(self) -> None:
        self.watchers.close()
        for _, _, task in self.watching:
            with contextlib.suppress(Refusal):
                await asyncio.wait_for(task, 5)
        assert len(self.watchers) == 0

    def check_limits(self) -> None:
        count = self.clusters.count()
        assert count.clusters <= CLUSTERS_MAX
        assert len(self.watchers) <= WATCHES_MAX
        stored = {c: self.clusters.affiliates(c) for c in self.clusters.cluster_ids}
        everybody = [one for affiliates in stored.values() for one in affiliates]
        assert count.affiliates == len(everybody)
        assert count.endpoints == sum(len(one.endpoints) for one in everybody)
        for cluster_id, affiliates in stored.items():
            assert 1 <= len(cluster_id.encode()) <= limits.CLUSTER_ID_BYTES_MAX
            assert len(affiliates) <= limits.AFFILIATES_MAX
        for affiliate in everybody:
            check_affiliate(affiliate)

    def check_watchers(self) -> None:
        """What each was told is what anybody would be told now."""
        for cluster_id, watcher, task in self.watching:
            if watcher.known is None:
                assert task.done()
                continue
            request = pb.ListRequest(cluster_id=cluster_id).SerializeToString()
            raw = at_once(self.service.list(request, Call("List", None)))
            listed = pb.ListResponse.FromString(raw).affiliates
            assert watcher.known == {affiliate.id: affiliate for affiliate in listed}


def at_once(calling: Coroutine[Any, Any, bytes]) -> bytes:
    """Run a call that has nothing to wait for."""
    try:
        calling.send(None)
    except StopIteration as ended:
        return ended.value
    raise AssertionError("it waits")


def check_affiliate(affiliate: Affiliate) -> None:
    assert 1 <= len(affiliate.id.encode()) <= limits.AFFILIATE_ID_BYTES_MAX
    assert len(affiliate.data) <= limits.AFFILIATE_DATA_BYTES_MAX
    assert len(affiliate.endpoints) <= limits.ENDPOINTS_MAX
    endpoints = [endpoint.data for endpoint in affiliate.endpoints]
    assert len(set(endpoints)) == len(endpoints)
    assert all(1 <= len(e) <= limits.ENDPOINT_BYTES_MAX for e in endpoints)


@pytest.fixture(scope="module")
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as running:
        yield running


@pytest.mark.timeout(120 * TIMES)
def test_conversations_from_bytes_end_in_limits_and_in_agreement(
    runner: asyncio.Runner,
) -> None:
    async def converse(seed: int) -> None:
        random, fuzzed_ = Random(seed), Fuzzed()
        for number in range(CALLS):
            fuzzed_.call(a_call(random))
            if number % 20 == 0:
                fuzzed_.watch(random.choice("ccde"))
            if number % 50 == 49:
                await fuzzed_.pass_time(random.choice((0, 1, 90, 2000)))
            if number % 3 == 0:
                await asyncio.sleep(0)
                fuzzed_.timer.pass_time(random.choice((0.0, 0.001, 0.02)))
        await fuzzed_.settle()
        fuzzed_.check_limits()
        fuzzed_.check_watchers()
        await fuzzed_.end()

    @cases(400)
    @given(seeds)
    def conversations(seed: int) -> None:
        runner.run(converse(seed))

    conversations()


@pytest.mark.timeout(120 * TIMES)
def test_cluster_at_its_limits_stays_there(runner: asyncio.Runner) -> None:
    """Filled to all but two affiliates, all of one endpoint less than there may be."""
    endpoints = tuple(Endpoint(bytes([n]), 10**12) for n in range(63))
    full = [Affiliate(f"{number}", b"d", 10**12, endpoints) for number in range(1022)]

    async def converse(seed: int) -> None:
        random, fuzzed_ = Random(seed), Fuzzed()
        for affiliate in full:
            fuzzed_.clusters.put("c", affiliate)
        for _ in range(CALLS):
            fuzzed_.call(a_call(random))
        fuzzed_.check_limits()

    @cases(50)
    @given(seeds)
    def conversations(seed: int) -> None:
        runner.run(converse(seed))

    conversations()


@cases(10_000)
@given(st.sampled_from(sorted(REPLY_BY_METHOD)), st.binary(max_size=64))
def test_any_bytes_are_answered_or_refused(method: str, raw: bytes) -> None:
    fuzzed_ = Fuzzed()

    code = fuzzed_.call(RawCall(method, raw))

    assert code is Code.OK or not len(fuzzed_.clusters)


updates = st.builds(
    pb.AffiliateUpdateRequest,
    cluster_id=st.text(max_size=300),
    affiliate_id=st.text(max_size=300),
    affiliate_data=st.none() | st.binary(max_size=2100),
    affiliate_endpoints=st.lists(st.binary(max_size=40), max_size=70),
    ttl=st.none()
    | st.builds(
        Duration,
        seconds=st.integers(-(2**63), 2**63 - 1) | st.integers(-2000, 2000),
        nanos=st.integers(-(2**31), 2**31 - 1),
    ),
)


@cases(3_000)
@given(updates)
def test_update_is_stored_whole_or_not_at_all(
    request_: pb.AffiliateUpdateRequest,
) -> None:
    fuzzed_ = Fuzzed()

    code = fuzzed_.call(RawCall("AffiliateUpdate", request_.SerializeToString()))

    fuzzed_.check_limits()
    stored = fuzzed_.clusters.affiliates(request_.cluster_id)
    assert code is expected_code(request_)
    assert len(stored) == (code is Code.OK)
    if stored:
        told = [endpoint.data for endpoint in stored[0].endpoints]
        assert (stored[0].id, stored[0].data) == (
            request_.affiliate_id,
            request_.affiliate_data,
        )
        assert told == list(dict.fromkeys(request_.affiliate_endpoints))


def expected_code(request: pb.AffiliateUpdateRequest) -> Code:
    """discovery.md 2.1, written down once more."""
    ids = (request.cluster_id, request.affiliate_id)
    ttl_ns = request.ttl.seconds * 10**9 + request.ttl.nanos
    if (
        any(not 1 <= len(id_.encode()) <= 256 for id_ in ids)
        or len(request.affiliate_data) > 2048
        or any(not 1 <= len(e) <= 32 for e in request.affiliate_endpoints)
        or ttl_ns > 1800 * 10**9
    ):
        return Code.INVALID_ARGUMENT
    if len(set(request.affiliate_endpoints)) > 64:
        return Code.RESOURCE_EXHAUSTED
    return Code.OK
