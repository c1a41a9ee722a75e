import asyncio
import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ipaddress import ip_address
from pathlib import Path

import grpc
import pytest

from kubespan.api import management_pb2 as pb
from kubespan.api.management_pb2_grpc import ManagementStub
from kubespan.drivers.management import (
    WATCHES_MAX,
    ManagementServer,
    ManagementService,
)
from kubespan.engine.store import Store
from kubespan.errors import DriverError
from kubespan.model.affiliate import Affiliate, LocalAffiliate
from kubespan.model.member import MachineType, Member


def a_member(name: str, node_id: str = "x") -> Member:
    return Member(
        nodename=name,
        node_id=node_id,
        addresses=(ip_address("10.0.0.1"),),
        hostname=name,
        machine_type=MachineType.WORKER,
        operating_system="Debian",
    )


@asynccontextmanager
async def serving(store: Store, socket: Path) -> AsyncIterator[ManagementStub]:
    server = ManagementServer(ManagementService(store, "node-1"), socket)
    await server.start()
    try:
        async with grpc.aio.insecure_channel(f"unix:{socket}") as channel:
            yield ManagementStub(channel)
    finally:
        await server.stop(0.1)


async def test_list_returns_resources_sorted_with_their_history(tmp_path):
    store = Store()
    store.replace(Member, "member", [a_member("b"), a_member("a")], 5)
    store.replace(Member, "member", [a_member("b", "y"), a_member("a")], 7)

    async with serving(store, tmp_path / "s") as stub:
        answer = await stub.List(pb.ListRequest(type="members"))

    assert [one.metadata.id for one in answer.resources] == ["a", "b"]
    assert [one.metadata.version for one in answer.resources] == [1, 2]
    assert answer.node == "node-1"
    assert answer.resources[1].member.node_id == "y"
    assert answer.resources[1].metadata.updated.nanos == 7


async def test_affiliates_show_this_node_among_the_others(tmp_path):
    store = Store()
    store.replace(LocalAffiliate, "local", [LocalAffiliate(Affiliate("me"))], 1)
    store.replace(Affiliate, "affiliate", [Affiliate("other")], 1)

    async with serving(store, tmp_path / "s") as stub:
        answer = await stub.List(pb.ListRequest(type="affiliates"))

    assert [one.metadata.id for one in answer.resources] == ["me", "other"]


async def test_get_returns_one_or_says_that_there_is_none(tmp_path):
    store = Store()
    store.replace(Member, "member", [a_member("a")], 1)

    async with serving(store, tmp_path / "s") as stub:
        found = await stub.Get(pb.GetRequest(type="member", id="a"))
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await stub.Get(pb.GetRequest(type="member", id="b"))

    assert found.resource.metadata.id == "a"
    assert refused.value.code() is grpc.StatusCode.NOT_FOUND
    assert "Member" in refused.value.details()


@pytest.mark.parametrize(
    ("word", "hint"),
    [
        pytest.param("nonsense", "there are", id="unknown lists what there is"),
        pytest.param("ksps", "may mean", id="ambiguous lists the candidates"),
    ],
)
async def test_type_that_is_not_one_is_refused(tmp_path, word, hint):
    async with serving(Store(), tmp_path / "s") as stub:
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await stub.List(pb.ListRequest(type=word))

    assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert hint in refused.value.details()


async def test_watch_sends_what_there_is_then_changes(tmp_path):
    store = Store()
    store.replace(Member, "member", [a_member("a")], 1)

    async with serving(store, tmp_path / "s") as stub:
        watch = stub.Watch(pb.WatchRequest(type="members"))
        first, second = await watch.read(), await watch.read()
        store.replace(Member, "member", [a_member("b")], 2)
        changes = {(await watch.read()).event for _ in range(2)}
        watch.cancel()

    assert first.event == pb.WatchEvent.CREATED
    assert first.resource.metadata.id == "a"
    assert second.event == pb.WatchEvent.BOOTSTRAPPED
    assert changes == {pb.WatchEvent.CREATED, pb.WatchEvent.DESTROYED}


async def test_watch_of_one_id_hears_nothing_of_the_others(tmp_path):
    store = Store()

    async with serving(store, tmp_path / "s") as stub:
        watch = stub.Watch(pb.WatchRequest(type="members", id="b"))
        assert (await watch.read()).event == pb.WatchEvent.BOOTSTRAPPED
        store.replace(Member, "member", [a_member("a"), a_member("b")], 2)
        event = await watch.read()
        watch.cancel()

    assert event.resource.metadata.id == "b"


async def test_slow_watcher_is_told_the_newest_state_only(tmp_path):
    store = Store()

    async with serving(store, tmp_path / "s") as stub:
        watch = stub.Watch(pb.WatchRequest(type="members"))
        assert (await watch.read()).event == pb.WatchEvent.BOOTSTRAPPED
        for number in range(100):
            store.replace(Member, "member", [a_member("a", str(number))], number)
        event = await watch.read()
        watch.cancel()

    assert event.resource.member.node_id == "99"


async def test_stopping_ends_watches_with_ok(tmp_path):
    server = ManagementServer(ManagementService(Store(), "n"), tmp_path / "s")
    await server.start()

    async with grpc.aio.insecure_channel(f"unix:{tmp_path / 's'}") as channel:
        watch = ManagementStub(channel).Watch(pb.WatchRequest(type="members"))
        await watch.read()
        async with asyncio.TaskGroup() as group:
            group.create_task(server.stop(5))
            end = await watch.read()
        code = await watch.code()

    assert end is grpc.aio.EOF
    assert code is grpc.StatusCode.OK
    assert not (tmp_path / "s").exists()


async def test_watches_are_bounded(tmp_path):
    async with serving(Store(), tmp_path / "s") as stub:
        watches = [stub.Watch(pb.WatchRequest(type="members")) for _ in range(64)]
        for watch in watches:
            await watch.read()
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await stub.Watch(pb.WatchRequest(type="members")).read()
        for watch in watches:
            watch.cancel()

    assert WATCHES_MAX == 64
    assert refused.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED


async def test_socket_is_for_root_alone_and_a_dead_one_is_replaced(tmp_path):
    (tmp_path / "s").touch()
    (tmp_path / "s").unlink()

    async with serving(Store(), tmp_path / "s"):
        mode = stat.S_IMODE((tmp_path / "s").stat().st_mode)

    assert mode & 0o007 == 0


async def test_socket_that_cannot_be_made_is_a_clear_error(tmp_path):
    (tmp_path / "file").touch()
    server = ManagementServer(
        ManagementService(Store(), "n"), tmp_path / "file" / "sock"
    )

    with pytest.raises(DriverError, match="listen on"):
        await server.start()


async def test_types_are_listed(tmp_path):
    async with serving(Store(), tmp_path / "s") as stub:
        answer = await stub.Types(pb.TypesRequest())

    assert "KubeSpanPeerStatuses.kubespan.talos.dev" in {t.name for t in answer.types}
