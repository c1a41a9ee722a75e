import asyncio
import ipaddress
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from discovery.api import cluster_pb2 as pb
from discovery.metrics.metrics import Metrics
from discovery.service.call import Call
from discovery.service.cluster_service import ClusterService
from discovery.service.refusal import Exhausted, InvalidRequest
from discovery.service.warm_up import WarmUp
from discovery.service.watchers import Watchers, WatchLimits
from discovery.state.clusters import Clusters
from discovery.stores.memory import MemoryStore
from tests.discovery.running import an_update
from tests.fakes.timer import FakeTimer

CALLER = Call("any", ipaddress.ip_address("192.0.2.7"))


class World:
    """The service with a clock that stands still until told."""

    def __init__(self, warm_up: WarmUp | None = None, **options: object) -> None:
        self.now_ns = 0
        self.clusters = Clusters(clusters_max=2)
        self.timer = FakeTimer()
        self.metrics = Metrics()
        self.watchers = Watchers(
            limits=WatchLimits(2, 2), warm_up=warm_up, timer=self.timer
        )
        self.store = MemoryStore(
            self.clusters,
            self.watchers.announce,
            lambda: self.now_ns,
            Metrics(),
            self.watchers.is_watched,
        )
        self.service = ClusterService(
            self.clusters, self.store, self.watchers, self.metrics, **options
        )

    async def update(self, *arguments: object, **fields: object) -> None:
        request = an_update(*arguments, **fields).SerializeToString()
        assert await self.service.affiliate_update(request, CALLER) == b""

    async def watch(
        self, messages: list[pb.WatchResponse], cluster_id: str = "c"
    ) -> None:
        async def send(message: bytes) -> None:
            messages.append(pb.WatchResponse.FromString(message))

        request = pb.WatchRequest(cluster_id=cluster_id).SerializeToString()
        await self.service.watch(request, CALLER, send)

    @asynccontextmanager
    async def watching(self) -> AsyncIterator[list[pb.WatchResponse]]:
        """Watch the cluster; what was told so far is what this yields."""
        messages: list[pb.WatchResponse] = []
        async with asyncio.TaskGroup() as group:
            task = group.create_task(self.watch(messages))
            await settled()
            yield messages
            task.cancel()

    async def told(self) -> None:
        """Let what changed be told."""
        self.timer.pass_time(0.1)
        await settled()


async def settled() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def hello(world: World, **fields: object) -> pb.HelloResponse:
    request = pb.HelloRequest(**{"cluster_id": "c"} | fields)
    raw = await world.service.hello(request.SerializeToString(), CALLER)
    return pb.HelloResponse.FromString(raw)


async def test_hello_tells_the_address_and_no_redirect() -> None:
    world = World()

    response = await hello(world)

    assert response.client_ip == bytes([192, 0, 2, 7])
    assert not response.HasField("redirect")
    assert world.clusters.cluster_ids == ()


async def test_hello_tells_where_to_go_if_configured() -> None:
    response = await hello(World(redirect_endpoint="new.example.com:443"))

    assert response.redirect.endpoint == "new.example.com:443"


async def test_hello_keeps_the_address_to_itself_if_told_so() -> None:
    response = await hello(World(report_client_ip=False))

    assert response.client_ip == b""


async def test_hello_of_no_cluster_is_refused() -> None:
    with pytest.raises(InvalidRequest):
        await hello(World(), cluster_id="")


async def test_versions_of_clients_are_counted_even_of_those_refused() -> None:
    world = World()

    await hello(world, client_version="v1.8.3")
    with pytest.raises(InvalidRequest):
        await hello(world, cluster_id="", client_version="v1.8.3")

    assert sum(world.metrics.hellos_by_version.values()) == 2


async def test_hello_tells_of_a_redirect_that_was_set_later() -> None:
    world = World()

    world.service.redirect("new.example.com:443")

    assert (await hello(world)).redirect.endpoint == "new.example.com:443"


async def test_full_affiliate_refuses_without_change_or_news() -> None:
    world = World()
    await world.update("a", b"e", affiliate_data=b"d")

    async with world.watching() as messages:
        endpoints = [b"%d" % number for number in range(64)]
        with pytest.raises(Exhausted):
            await world.update("a", *endpoints, affiliate_data=b"x")
        await world.told()

    assert len(messages) == 1
    assert world.clusters.affiliates("c")[0].data == b"d"


async def test_sweep_tells_watchers_what_is_left_of_an_affiliate() -> None:
    world = World()
    await world.update("a", b"e1", affiliate_data=b"d", ttl_ns=60)
    await world.update("a", b"e2", ttl_ns=1)

    async with world.watching() as messages:
        world.now_ns = 2
        await world.store.sweep()
        await world.told()
        world.now_ns = 61
        await world.store.sweep()
        await world.told()

    _, partly, gone = messages
    left = pb.Affiliate(id="a", data=b"d", endpoints=[b"e1"])
    assert partly == pb.WatchResponse(affiliates=[left])
    assert gone == pb.WatchResponse(affiliates=[pb.Affiliate(id="a")], deleted=True)


async def test_deletion_is_told_and_refreshing_is_not() -> None:
    world = World()
    await world.update("a", affiliate_data=b"d")
    request = pb.AffiliateDeleteRequest(cluster_id="c", affiliate_id="a")

    async with world.watching() as messages:
        await world.update("a", affiliate_data=b"d")
        await world.told()
        told_of_the_same = len(messages)
        await world.service.affiliate_delete(request.SerializeToString(), CALLER)
        await world.told()

    assert told_of_the_same == 1
    assert messages[-1].deleted


async def test_watch_that_ends_leaves_nothing_behind() -> None:
    world, messages = World(), []
    world.watchers.close()

    await world.watch(messages)

    assert messages == []
    assert len(world.watchers) == 0
    await world.store.sweep()
    assert world.clusters.cluster_ids == ()


async def test_watch_of_one_cluster_too_many_is_refused() -> None:
    world = World()
    await world.update("a", cluster_id="one")
    await world.update("a", cluster_id="two")

    with pytest.raises(Exhausted):
        await world.watch([], "three")

    assert len(world.watchers) == 0


async def test_one_watch_too_many_is_refused() -> None:
    world = World()

    async with world.watching(), world.watching():
        with pytest.raises(Exhausted):
            await world.watch([])


async def test_watch_after_a_crash_waits_for_the_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World(WarmUp(1.0, started_s=1000.0))
    monkeypatch.setattr(world.store, "was_restored", lambda cluster_id: False)
    waiting: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    sleep, slept = asyncio.sleep, []

    async def held(delay_s: float) -> None:
        if delay_s:
            slept.append(delay_s)
            await waiting
        await sleep(0)

    monkeypatch.setattr(asyncio, "sleep", held)
    async with world.watching() as messages:
        told_at_once = list(messages)
        await world.update("a", affiliate_data=b"d")
        world.timer.pass_time(1.0)
        waiting.set_result(None)
        await settled()

    assert (told_at_once, slept) == ([], [0.25])
    assert [affiliate.id for affiliate in messages[0].affiliates] == ["a"]


async def test_whole_cluster_id_is_never_noted_for_the_log() -> None:
    call = Call("List", None)
    request = pb.ListRequest(cluster_id="secret-cluster-id")

    await World().service.list(request.SerializeToString(), call)

    assert call.fields == {"cluster": "secret-c"}
