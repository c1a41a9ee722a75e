"""What happens to a real etcd, and what clients of several replicas see of it."""

import asyncio
import json
import time
import urllib.request
from contextlib import AsyncExitStack
from pathlib import Path

import grpc
import pytest

from discovery.api import cluster_pb2 as pb
from discovery.api.cluster_pb2_grpc import ClusterStub
from discovery.state.limits import AFFILIATES_MAX
from tests.discovery.running import (
    AWatch,
    a_client,
    a_service,
    a_service_with_pages,
    an_update,
    code_of,
    listed,
)
from tests.discovery.test_replicas import MINUTES, S, two_clients
from tests.etcd_processes import EtcdCluster, Member, an_etcd, needs_etcd

pytestmark = [pytest.mark.interop, needs_etcd]

Code = grpc.StatusCode


def keys_in(etcd: EtcdCluster, prefix: str) -> int:
    """How many keys etcd has below a prefix."""
    return etcd.ctl("get", prefix, "--prefix", "--keys-only").count(prefix)


async def until_keys(etcd: EtcdCluster, prefix: str, wanted: int) -> None:
    async with asyncio.timeout(20):
        while await asyncio.to_thread(keys_in, etcd, prefix) != wanted:
            await asyncio.sleep(0.1)


def replace(etcd: EtcdCluster, lost: Member) -> None:
    """Put an empty member in the place of one, as an operator does by hand."""
    lost.wipe()
    rest = [member.endpoint for member in etcd.members if member is not lost]
    where = ",".join(rest)
    etcd.wait()
    lines = etcd.ctl("member", "list", endpoints=where).splitlines()
    [line] = [line for line in lines if f" {lost.name}," in line]
    etcd.ctl("member", "remove", line.split(",")[0], endpoints=where)
    peer = f"--peer-urls=http://127.0.0.1:{lost.peer_port}"
    # refused for five seconds after the members have met
    while "added" not in etcd.ctl("member", "add", lost.name, peer, endpoints=where):
        time.sleep(0.5)
    lost.arguments.append("--initial-cluster-state=existing")
    lost.start()
    while "true" not in etcd.ctl(
        "endpoint", "health", "--write-out=json", endpoints=lost.endpoint
    ):
        time.sleep(0.1)


class Told:
    """Everything one client that watches is told, in order."""

    def __init__(self, client: ClusterStub) -> None:
        self.changes: list[tuple[str, bool]] = []
        self.snapshots = 0
        self._watch = client.Watch(pb.WatchRequest(cluster_id="c"))

    async def listen(self) -> None:
        async for message in self._watch:
            if not self.snapshots:
                self.snapshots = 1
                continue
            told = [(a.id, message.deleted) for a in message.affiliates]
            self.changes += told


async def test_etcd_that_lost_its_data_is_given_back_what_replicas_know(
    tmp_path: Path,
) -> None:
    with an_etcd(tmp_path) as etcd:
        async with two_clients(etcd, "/lost/") as (one, two), asyncio.TaskGroup() as g:
            for number in range(50):
                known = an_update(
                    f"a{number}", b"e", affiliate_data=b"d", ttl_ns=MINUTES
                )
                await one.AffiliateUpdate(known)
            told = [Told(client) for client in (one, two)]
            listening = [g.create_task(each.listen()) for each in told]
            while not all(each.snapshots for each in told):
                await asyncio.sleep(0.01)
            etcd.members[0].wipe()
            etcd.members[0].start()
            await asyncio.to_thread(etcd.wait)

            await until_keys(etcd, "/lost/", 50)
            await two.AffiliateUpdate(an_update("new", affiliate_data=b"d"), timeout=10)
            while not all(each.changes for each in told):
                await asyncio.sleep(0.01)

            for client in (one, two):
                assert len(await listed(client)) == 51
            for each, task in zip(told, listening, strict=True):
                assert each.changes == [("new", False)]
                task.cancel()


async def test_member_that_is_replaced_is_used_like_the_old_one(
    tmp_path: Path,
) -> None:
    with an_etcd(tmp_path, 3) as etcd:
        async with two_clients(etcd, "/replaced/") as (one, two):
            await one.AffiliateUpdate(an_update("a", affiliate_data=b"d"))
            watch = AWatch(two)
            await watch.next()
            lost, other, _ = etcd.members
            await asyncio.to_thread(replace, etcd, lost)

            other.kill()  # from now on nothing goes without the new one
            update = an_update("b", affiliate_data=b"d")
            await one.AffiliateUpdate(update, timeout=15)

            await watch.until(lambda known: "b" in known)
            assert set(await listed(two)) == {"a", "b"}


async def test_expiry_is_told_once_to_every_watcher_of_every_replica(
    tmp_path: Path,
) -> None:
    with an_etcd(tmp_path) as etcd:
        async with AsyncExitStack() as stack:
            clients = []
            for _ in range(3):
                service = a_service(
                    store="etcd", etcd_endpoints=etcd.endpoints, gc_interval_s=0.2
                )
                address = await stack.enter_async_context(service)
                clients.append(await stack.enter_async_context(a_client(address)))
            group = await stack.enter_async_context(asyncio.TaskGroup())
            told = [Told(client) for client in clients]
            listening = [group.create_task(each.listen()) for each in told]
            for name in ("stays", "goes"):
                await clients[0].AffiliateUpdate(
                    an_update(name, affiliate_data=b"d", ttl_ns=2 * S)
                )

            for number in range(12):  # each time through another replica
                refresh = an_update("stays", affiliate_data=b"d", ttl_ns=2 * S)
                await clients[number % 3].AffiliateUpdate(refresh)
                await asyncio.sleep(0.3)

            for each, task in zip(told, listening, strict=True):
                assert each.changes.count(("goes", True)) == 1
                assert ("stays", True) not in each.changes
                task.cancel()


async def test_lost_quorum_and_its_end_are_told_where_the_operator_looks(
    tmp_path: Path,
) -> None:
    def readiness(url: str) -> tuple[int, str]:
        with urllib.request.urlopen(f"{url}/readyz") as reply:
            return reply.status, json.load(reply).get("notices", {}).get("store", "")

    with an_etcd(tmp_path, 3) as etcd:
        settings = {"store": "etcd", "etcd_endpoints": etcd.endpoints}
        async with (
            a_service_with_pages(**settings) as where,
            a_client(where.api) as client,
        ):
            before = await asyncio.to_thread(readiness, where.metrics)
            for member in etcd.members[:2]:
                member.kill()
            refused = client.AffiliateUpdate(an_update("a"), timeout=3)
            assert await code_of(refused) in {Code.UNAVAILABLE, Code.DEADLINE_EXCEEDED}
            during = await asyncio.to_thread(readiness, where.metrics)
            for member in etcd.members[:2]:
                member.start()
            await asyncio.to_thread(etcd.wait)
            await client.AffiliateUpdate(an_update("a"), timeout=15)
            after = await asyncio.to_thread(readiness, where.metrics)

    assert before == after == (200, "")
    assert during[0] == 200
    assert "etcd: " in during[1]


async def test_affiliates_created_through_two_replicas_at_once_are_about_1024(
    tmp_path: Path,
) -> None:
    under_way = 20

    async def create(client: ClusterStub, names: list[str]) -> int:
        created = 0
        while names:
            update = an_update(names.pop(), affiliate_data=b"d", ttl_ns=MINUTES)
            if await code_of(client.AffiliateUpdate(update)) is Code.OK:
                created += 1
        return created

    with an_etcd(tmp_path) as etcd:
        async with two_clients(etcd, "/limit/") as clients:
            names = [f"a{number}" for number in range(1200)]
            async with asyncio.TaskGroup() as group:
                tasks = [
                    group.create_task(create(client, names))
                    for client in clients
                    for _ in range(under_way)
                ]
            created = sum(task.result() for task in tasks)

            for client in clients:
                await AWatch(client).until(lambda known: len(known) == created)
                late = client.AffiliateUpdate(an_update("late", affiliate_data=b"d"))
                assert await code_of(late) is Code.RESOURCE_EXHAUSTED
    assert AFFILIATES_MAX <= created <= AFFILIATES_MAX + 2 * under_way
