"""Several replicas of the whole service on a real etcd of three members.

Members and replicas are killed under load; what was acknowledged must be there, and
what clients were told must be what there is.
"""

import asyncio
import random
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import grpc
import pytest

from discovery.api import cluster_pb2 as pb
from discovery.api.cluster_pb2_grpc import ClusterStub
from tests.discovery.running import (
    AWatch,
    a_client,
    a_service,
    an_update,
    code_of,
    listed,
)
from tests.discovery.service_program import a_program, address_of
from tests.etcd_processes import EtcdCluster, an_etcd, needs_etcd

pytestmark = [pytest.mark.interop, needs_etcd]

Code = grpc.StatusCode
S = 10**9
MINUTES = 600 * S


@pytest.fixture
def etcd(tmp_path: Path) -> Iterator[EtcdCluster]:
    with an_etcd(tmp_path, 3) as cluster:
        yield cluster


@pytest.fixture(scope="module")
def calm_etcd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EtcdCluster]:
    """For tests that do nothing to it but use a prefix of their own."""
    with an_etcd(tmp_path_factory.mktemp("etcd")) as cluster:
        yield cluster


@asynccontextmanager
async def two_clients(
    etcd: EtcdCluster, prefix: str
) -> AsyncIterator[tuple[ClusterStub, ClusterStub]]:
    """Clients of two replicas in this process."""
    async with AsyncExitStack() as stack:
        clients = []
        for _ in range(2):
            service = a_service(
                store="etcd", etcd_endpoints=etcd.endpoints, etcd_prefix=prefix
            )
            address = await stack.enter_async_context(service)
            clients.append(await stack.enter_async_context(a_client(address)))
        yield clients[0], clients[1]


@asynccontextmanager
async def a_replica(
    etcd: EtcdCluster, *arguments: str
) -> AsyncIterator[tuple[asyncio.subprocess.Process, str]]:
    """A replica as a process of its own, and where it listens."""
    flags = [
        "--addr=127.0.0.1:0",
        "--store=etcd",
        f"--etcd-endpoints={','.join(etcd.endpoints)}",
        "--rate-limit=0",
        *arguments,
    ]
    async with a_program(*flags) as program:
        yield program, await address_of(program)


@dataclass
class Seen:
    """What one client that watches knows, whatever replica it has to go to."""

    data_by_id: dict[str, bytes] = field(default_factory=dict)
    ends: int = 0

    async def follow(self, addresses: list[str]) -> None:
        for address in addresses * 1000:
            async with a_client(address) as client:
                try:
                    await self._watch(client)
                except grpc.aio.AioRpcError:
                    self.ends += 1
            await asyncio.sleep(0.05)

    async def _watch(self, client: ClusterStub) -> None:
        watch = client.Watch(pb.WatchRequest(cluster_id="c"))
        is_first = True
        async for message in watch:
            if is_first:
                self.data_by_id, is_first = {}, False
            for affiliate in message.affiliates:
                if message.deleted:
                    self.data_by_id.pop(affiliate.id, None)
                else:
                    self.data_by_id[affiliate.id] = affiliate.data


async def update_somewhere(addresses: list[str], request: object) -> None:
    """Update as a client behind a load balancer does: until somebody says yes."""
    while True:
        async with a_client(random.choice(addresses)) as client:
            try:
                await client.AffiliateUpdate(request, timeout=5)
            except grpc.aio.AioRpcError:
                await asyncio.sleep(0.05)
            else:
                return


async def test_change_through_one_replica_reaches_watchers_of_another_in_no_time(
    calm_etcd: EtcdCluster,
) -> None:
    async with two_clients(calm_etcd, "/reach/") as (one, two):
        watch = AWatch(two)
        assert len((await watch.next()).affiliates) == 0
        lags_s = []
        for number in range(20):
            started_s = asyncio.get_running_loop().time()
            await one.AffiliateUpdate(an_update(f"a{number}", affiliate_data=b"d"))
            message = await watch.next()
            lags_s.append(asyncio.get_running_loop().time() - started_s)
            assert [affiliate.id for affiliate in message.affiliates] == [f"a{number}"]

        assert sorted(lags_s)[10] < 0.1
        assert await listed(one) == await listed(two)


async def test_endpoints_through_all_replicas_at_once_are_one_list(
    calm_etcd: EtcdCluster,
) -> None:
    async with two_clients(calm_etcd, "/merge/") as clients:
        async with asyncio.TaskGroup() as group:
            for number in range(64):
                client = clients[number % 2]
                update = an_update("a", b"e%d" % number, ttl_ns=MINUTES)
                group.create_task(code_of(client.AffiliateUpdate(update)))
        for client in clients:
            refused = client.AffiliateUpdate(an_update("a", b"one too many"))
            assert await code_of(refused) is Code.RESOURCE_EXHAUSTED
            endpoints = (await listed(client))["a"].endpoints
            assert sorted(endpoints) == sorted(b"e%d" % n for n in range(64))


async def test_strange_ids_are_kept_apart(calm_etcd: EtcdCluster) -> None:
    ids = ["a/b", "a%2Fb", "a", "/", "ü" * 128, " ", "\0", "a/../b", "<b>"]
    async with two_clients(calm_etcd, "/strange/") as (one, two):
        for cluster in ids:
            for affiliate in ids:
                update = an_update(affiliate, cluster_id=cluster, affiliate_data=b"d")
                await one.AffiliateUpdate(update)
        await AWatch(two, "<b>").until(lambda known: len(known) == len(ids))

        for cluster in ids:
            assert set(await listed(two, cluster)) == set(ids)


async def test_what_others_write_below_the_prefix_harms_nobody(
    calm_etcd: EtcdCluster,
) -> None:
    async with two_clients(calm_etcd, "/garbage/") as (one, two):
        await one.AffiliateUpdate(an_update("a", affiliate_data=b"d", ttl_ns=MINUTES))
        for key in (
            "v1/c/a",
            "v1/c",
            "v1/c/x/y",
            "v1/c/%zz",
            "v1/",
            "v2/c/a",
            "v1/c/b",
        ):
            calm_etcd.ctl("put", f"/garbage/{key}", "no record")
        update = an_update("b", affiliate_data=b"healed")
        await two.AffiliateUpdate(update)

        for client in (one, two):
            await AWatch(client).until(lambda known: set(known) == {"a", "b"})
        async with (
            a_service(
                store="etcd",
                etcd_endpoints=calm_etcd.endpoints,
                etcd_prefix="/garbage/",
            ) as address,
            a_client(address) as late,
        ):
            assert set(await listed(late)) == {"b"}  # a was overwritten by others


async def test_members_and_replicas_killed_under_load_lose_nothing(
    etcd: EtcdCluster,
) -> None:
    async with AsyncExitStack() as stack:
        replicas = [await stack.enter_async_context(a_replica(etcd)) for _ in range(3)]
        addresses = [address for _, address in replicas]
        group = await stack.enter_async_context(asyncio.TaskGroup())
        survivors = [Seen() for _ in range(3)]
        moved = Seen()
        watching = [group.create_task(seen.follow(addresses[:1])) for seen in survivors]
        watching.append(group.create_task(moved.follow([addresses[2], addresses[1]])))

        async def write(writer: int) -> None:
            for number in range(100):
                name, data = f"w{writer}-{number % 20}", b"%d" % number
                update = an_update(name, affiliate_data=data, ttl_ns=MINUTES)
                await update_somewhere(addresses, update)
                await asyncio.sleep(0.02)

        writers = [group.create_task(write(writer)) for writer in range(8)]
        for member in (etcd.leader(), etcd.members[1]):
            await asyncio.sleep(1)
            member.kill()
            await asyncio.sleep(1)
            member.start()
            await asyncio.to_thread(etcd.wait)
            if replicas[2][0].returncode is None:
                replicas[2][0].kill()
        await asyncio.wait(writers)

        wanted = {f"w{w}-{n}": b"%d" % (n + 80) for w in range(8) for n in range(20)}
        async with asyncio.timeout(10):
            while any(s.data_by_id != wanted for s in (*survivors, moved)):
                await asyncio.sleep(0.05)
        assert moved.ends >= 1  # of the replica that died
        assert [seen.ends for seen in survivors] == [0, 0, 0]
        async with a_client(addresses[1]) as client:
            assert {i: a.data for i, a in (await listed(client)).items()} == wanted
        for task in watching:
            task.cancel()


async def test_lost_quorum_serves_what_is_known_and_takes_what_nobody_sees(
    etcd: EtcdCluster,
) -> None:
    async with two_clients(etcd, "/quorum/") as (one, two):
        known = an_update("a", b"e", affiliate_data=b"d", ttl_ns=MINUTES)
        await one.AffiliateUpdate(known)
        watch = AWatch(two)
        await watch.next()
        for member in etcd.members[:2]:
            member.kill()
        await asyncio.sleep(0.5)

        for client in (one, two):
            assert set(await listed(client)) == {"a"}
            await client.AffiliateUpdate(known, timeout=10)
            assert len((await AWatch(client).next()).affiliates) == 1
            change = an_update("a", affiliate_data=b"new")
            assert await code_of(client.AffiliateUpdate(change, timeout=1.5)) in {
                Code.UNAVAILABLE,
                Code.DEADLINE_EXCEEDED,
            }
        for member in etcd.members[:2]:
            member.start()
        await asyncio.to_thread(etcd.wait)
        await one.AffiliateUpdate(an_update("b", affiliate_data=b"d"), timeout=10)

        await watch.until(lambda known: "b" in known)  # the same watch all along
        assert set(await listed(two)) == {"a", "b"}


async def test_replica_waits_for_etcd_before_it_serves(etcd: EtcdCluster) -> None:
    etcd.kill()
    async with a_program(
        "--addr=127.0.0.1:0",
        "--store=etcd",
        f"--etcd-endpoints={','.join(etcd.endpoints)}",
    ) as program:
        listening = asyncio.get_running_loop().create_task(address_of(program))
        await asyncio.sleep(1.5)

        assert not listening.done()
        for member in etcd.members:
            member.start()
        address = await listening
        async with a_client(address) as client:
            await client.AffiliateUpdate(an_update("a", affiliate_data=b"d"))


async def test_replica_that_waits_for_etcd_can_be_stopped() -> None:
    async with a_program(
        "--addr=127.0.0.1:0", "--store=etcd", "--etcd-endpoints=127.0.0.1:1"
    ) as program:
        await asyncio.sleep(2)
        program.send_signal(signal.SIGTERM)

        assert await asyncio.wait_for(program.wait(), 5) == 0


async def test_replica_started_anew_has_everything(etcd: EtcdCluster) -> None:
    async with a_replica(etcd) as (program, address), a_client(address) as client:
        for number in range(50):
            update = an_update(f"a{number}", b"e", affiliate_data=b"d", ttl_ns=MINUTES)
            await client.AffiliateUpdate(update)
        program.kill()
        await program.wait()

    async with a_replica(etcd) as (_, address), a_client(address) as client:
        known = await listed(client)

    assert len(known) == 50
    assert known["a7"].endpoints == [b"e"]


async def _compact_and_restart(etcd: EtcdCluster) -> None:
    """Forget all history; restart, so that no watch has anything in its pockets."""
    revision = etcd.ctl("get", "x", "--write-out=json").partition('"revision":')[2]
    etcd.ctl("compact", revision.partition(",")[0])
    for member in etcd.members:
        member.kill()
    for member in etcd.members:
        member.start()
    await asyncio.to_thread(etcd.wait)


async def test_replica_that_slept_through_a_compaction_tells_what_changed(
    etcd: EtcdCluster,
) -> None:
    async with (
        a_replica(etcd) as (sleeper, address),
        a_replica(etcd) as (_, other),
        a_client(address) as slow,
        a_client(other) as fast,
    ):
        for name in ("stays", "goes", "changes"):
            await fast.AffiliateUpdate(
                an_update(name, affiliate_data=b"d", ttl_ns=MINUTES)
            )
        watch = AWatch(slow)
        await watch.until(lambda known: len(known) == 3)
        sleeper.send_signal(signal.SIGSTOP)
        await asyncio.sleep(0.2)
        await fast.AffiliateDelete(
            pb.AffiliateDeleteRequest(cluster_id="c", affiliate_id="goes")
        )
        for name in ("changes", "comes"):
            await fast.AffiliateUpdate(
                an_update(name, affiliate_data=b"new", ttl_ns=MINUTES)
            )
        await _compact_and_restart(etcd)
        sleeper.send_signal(signal.SIGCONT)

        async with asyncio.timeout(20):
            while (await listed(slow)) != (await listed(fast)):
                await asyncio.sleep(0.05)
        told = [await watch.next()]
        while "comes" not in [a.id for message in told for a in message.affiliates]:
            told.append(await watch.next())
        changed = {a.id for message in told for a in message.affiliates}
        assert changed >= {"changes", "comes"}
        assert "stays" not in changed
        assert set(await listed(slow)) == {"stays", "changes", "comes"}
