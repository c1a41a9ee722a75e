import ipaddress

import pytest

from discovery.api import cluster_pb2 as pb
from discovery.metrics.metrics import Metrics
from discovery.service.call import Call
from discovery.service.cluster_service import ClusterService
from discovery.service.refusal import Exhausted, InvalidRequest
from discovery.service.watchers import Watchers
from discovery.state.clusters import Clusters
from discovery.stores.memory import MemoryStore
from tests.discovery.running import an_update

CALLER = Call("any", ipaddress.ip_address("192.0.2.7"))


class World:
    """The service with a clock that stands still until told."""

    def __init__(self, **options: object) -> None:
        self.now_ns = 0
        self.clusters = Clusters()
        self.watchers = Watchers()
        self.store = MemoryStore(
            self.clusters,
            self.watchers.announce,
            lambda: self.now_ns,
            Metrics(),
            self.watchers.is_watched,
        )
        self.service = ClusterService(
            self.clusters, self.store, self.watchers, **options
        )

    async def update(self, *arguments: object, **fields: object) -> None:
        request = an_update(*arguments, **fields).SerializeToString()
        assert await self.service.affiliate_update(request, CALLER) == b""

    async def watch(self, messages: list[pb.WatchResponse]) -> None:
        async def send(message: bytes) -> None:
            messages.append(pb.WatchResponse.FromString(message))

        request = pb.WatchRequest(cluster_id="c").SerializeToString()
        await self.service.watch(request, CALLER, send)


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


async def test_full_affiliate_refuses_without_change_or_news() -> None:
    world = World()
    await world.update("a", b"e", affiliate_data=b"d")
    subscription = world.watchers.subscribe("c", [])

    with pytest.raises(Exhausted):
        await world.update("a", *[b"%d" % n for n in range(64)], affiliate_data=b"x")

    world.watchers.close()
    assert await subscription.next_message() is None
    assert world.clusters.affiliates("c")[0].data == b"d"


async def test_sweep_tells_watchers_what_is_left_of_an_affiliate() -> None:
    world = World()
    await world.update("a", b"e1", affiliate_data=b"d", ttl_ns=60)
    await world.update("a", b"e2", ttl_ns=1)
    subscription = world.watchers.subscribe("c", [])

    world.now_ns = 2
    await world.store.sweep()
    partly = await subscription.next_message()
    world.now_ns = 61
    await world.store.sweep()
    gone = await subscription.next_message()

    left = pb.Affiliate(id="a", data=b"d", endpoints=[b"e1"])
    assert pb.WatchResponse.FromString(partly) == pb.WatchResponse(affiliates=[left])
    assert pb.WatchResponse.FromString(gone).deleted


async def test_watch_that_ends_leaves_nothing_behind() -> None:
    world, messages = World(), []
    world.watchers.close()

    await world.watch(messages)

    assert len(world.watchers) == 0
    await world.store.sweep()
    assert world.clusters.cluster_ids == ()


async def test_whole_cluster_id_is_never_noted_for_the_log() -> None:
    call = Call("List", None)
    request = pb.ListRequest(cluster_id="secret-cluster-id")

    await World().service.list(request.SerializeToString(), call)

    assert call.fields == {"cluster": "secret-c"}
