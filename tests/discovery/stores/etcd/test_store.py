"""What replicas promise together: on our etcd in memory, and on the real one."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from discovery.drivers.etcd.access import Etcd
from discovery.drivers.etcd.client import EtcdClient
from discovery.drivers.etcd.members import Members
from discovery.service.refusal import Unavailable
from discovery.service.store import StoreHealth
from discovery.state.limits import AFFILIATES_MAX, LimitExceeded
from discovery.stores.etcd.record_key import RecordKey
from tests.etcd_processes import EtcdCluster, an_etcd, needs_etcd
from tests.etcd_replicas import RAW_A, A, Replica, a_replica, until, virtually
from tests.fakes.etcd import FakeEtcd

B = RecordKey("c", "b")


@pytest.fixture(scope="module")
def real_etcd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EtcdCluster]:
    with an_etcd(tmp_path_factory.mktemp("etcd")) as cluster:
        yield cluster


@pytest.fixture(
    params=["fake", pytest.param("real", marks=[pytest.mark.interop, needs_etcd])]
)
async def replicas(
    request: pytest.FixtureRequest, tmp_path: Path
) -> AsyncIterator[tuple[Replica, Replica]]:
    """Two replicas, each with connections of its own."""
    async with AsyncExitStack() as stack:

        def connect() -> Etcd:
            cluster: EtcdCluster = request.getfixturevalue("real_etcd")
            members = Members(cluster.endpoints)
            stack.push_async_callback(members.close)
            return EtcdClient(members)

        shared = FakeEtcd()
        prefix = f"/{tmp_path.name}/" if request.param == "real" else "/d/"
        both = [
            await stack.enter_async_context(
                a_replica(
                    connect() if request.param == "real" else shared,
                    etcd_prefix=prefix,
                )
            )
            for _ in range(2)
        ]
        yield both[0], both[1]


Both = tuple[Replica, Replica]


async def test_who_updated_reads_it_back_and_others_hear_of_it(replicas: Both) -> None:
    one, two = replicas

    await one.update(b"e1", b"e2", data=b"d")

    record = one.get()
    assert record is not None
    assert (record.data, one.endpoints()) == (b"d", [b"e1", b"e2"])
    assert 59 < one.left_s() <= 60
    await until(two.get)
    assert two.endpoints() == [b"e1", b"e2"]
    assert 59 < two.left_s() <= 60
    for replica in replicas:
        [(cluster_id, change)] = replica.news
        assert (cluster_id, change.affiliate) == ("c", replica.get())
        assert change.created


async def test_updates_through_both_are_one_record(replicas: Both) -> None:
    one, two = replicas

    await one.update(b"e1", data=b"d")
    await two.update(b"e2", b"e1")
    await one.update(data=b"new")

    await until(lambda: two.get() and two.get().data == b"new")  # type: ignore[union-attr] # asked just before
    assert one.endpoints() == two.endpoints() == [b"e1", b"e2"]


async def test_many_writers_at_once_lose_nothing(replicas: Both) -> None:
    wanted = {b"%d-%d" % (r, n) for r in range(2) for n in range(32)}

    async with asyncio.TaskGroup() as group:
        for number, replica in enumerate(replicas):
            for n in range(32):
                group.create_task(replica.update(b"%d-%d" % (number, n)))

    for replica in replicas:
        await until(lambda replica=replica: len(replica.endpoints()) == 64)
        assert set(replica.endpoints()) == wanted
        assert len(replica.store.turns) == 0


async def test_endpoint_limit_is_exact_over_all_replicas(replicas: Both) -> None:
    async def add(replica: Replica, endpoint: bytes) -> int:
        try:
            await replica.update(endpoint)
        except LimitExceeded:
            return 0
        return 1

    async with asyncio.TaskGroup() as group:
        tasks = [
            group.create_task(add(replica, b"%d-%d" % (number, n)))
            for number, replica in enumerate(replicas)
            for n in range(40)
        ]

    assert sum(task.result() for task in tasks) == 64
    for replica in replicas:
        await until(lambda replica=replica: len(replica.endpoints()) == 64)


async def test_refresh_extends_for_all_and_is_told_to_nobody(replicas: Both) -> None:
    one, two = replicas
    await one.update(b"e", data=b"d", ttl_s=60)
    await until(two.get)

    await two.update(b"e", data=b"d", ttl_s=600)

    await until(lambda: one.left_s() > 590)
    assert [len(replica.news) for replica in replicas] == [1, 1]
    assert two.metrics.updates_refreshed == 1


async def test_lifetime_is_that_of_the_latest_data(replicas: Both) -> None:
    one, two = replicas
    await one.update(b"e", data=b"d", ttl_s=600)

    await one.update(data=b"d", ttl_s=10)

    await until(lambda: two.get() and two.left_s() < 11)
    record = two.get()
    assert record is not None
    assert record.endpoints[0].expires_ns > record.expires_ns


async def test_deletion_through_one_is_a_deletion_for_all(replicas: Both) -> None:
    one, two = replicas
    await one.update(data=b"d")
    await until(two.get)

    await two.delete()
    await until(lambda: one.get() is None)

    assert two.get() is None
    assert one.news[-1][1].affiliate is None
    assert len(one.news) == len(two.news) == 2


async def test_deletion_of_the_unknown_is_no_error_and_no_news(replicas: Both) -> None:
    one, _ = replicas

    await one.delete()

    assert one.news == []


async def test_deletion_reaches_what_this_replica_has_not_heard_of(
    replicas: Both,
) -> None:
    one, two = replicas

    for number in range(10):
        key = RecordKey("c", f"a{number}")
        await one.update(data=b"d", key=key)
        await two.delete(key)

    await until(lambda: len(one.news) == 20)
    assert one.clusters.affiliates("c") == ()


async def test_zero_lifetime_is_readable_until_the_sweep(replicas: Both) -> None:
    one, two = replicas

    await one.update(data=b"d", ttl_s=0)
    assert one.get() is not None
    await until(two.get)
    for replica in replicas:
        replica.clock.advance(1)
    await two.store.sweep()
    await until(lambda: one.get() is None)

    assert two.get() is None


async def test_what_ran_out_is_swept_once_and_told_by_all(replicas: Both) -> None:
    one, two = replicas
    await one.update(b"e", data=b"d", ttl_s=60)
    await one.update(b"f", data=b"d", ttl_s=30, key=B)
    await until(lambda: two.get(B))
    for replica in replicas:
        replica.clock.advance(31)

    async with asyncio.TaskGroup() as group:
        for replica in replicas:
            group.create_task(replica.store.sweep())
    for replica in replicas:
        await until(lambda replica=replica: replica.get(B) is None)

    assert one.metrics.affiliates_swept + two.metrics.affiliates_swept == 1
    for replica in replicas:
        assert replica.get() is not None
        assert [change.affiliate_id for _, change in replica.news] == ["a", "b", "b"]


async def test_endpoint_that_ran_out_is_an_update(replicas: Both) -> None:
    one, two = replicas
    await one.update(b"short", data=b"d", ttl_s=30)
    await one.update(b"long", ttl_s=60)
    await until(lambda: len(two.endpoints()) == 2)
    for replica in replicas:
        replica.clock.advance(31)

    await two.store.sweep()
    await until(lambda: one.endpoints() == [b"long"])

    assert two.endpoints() == [b"long"]
    assert two.left_s() > 28
    assert one.news[-1][1].affiliate == one.get()


async def test_refreshed_elsewhere_is_not_swept_here(replicas: Both) -> None:
    one, two = replicas
    await one.update(data=b"d", ttl_s=30)
    await until(two.get)
    for replica in replicas:
        replica.clock.advance(31)

    async with asyncio.TaskGroup() as group:
        group.create_task(one.update(data=b"d", ttl_s=60))
        group.create_task(two.store.sweep())
    await until(lambda: two.get() and two.left_s() > 50)

    assert one.get() is not None


async def test_empty_cluster_goes_unless_it_is_watched(replicas: Both) -> None:
    one, two = replicas
    two.watched.add("c")
    await one.update(data=b"d")
    await until(two.get)
    await one.delete()
    await until(lambda: two.get() is None)

    for replica in replicas:
        await replica.store.sweep()

    assert (one.clusters.cluster_ids, two.clusters.cluster_ids) == ((), ("c",))


async def test_replica_is_ready_and_says_that_nothing_was_lost(replicas: Both) -> None:
    one, _ = replicas

    assert one.store.health() == StoreHealth(ready=True)
    assert one.store.was_restored("never seen")


@virtually
async def test_affiliate_limit_holds_but_for_what_is_under_way_elsewhere() -> None:
    etcd = FakeEtcd()
    async with a_replica(etcd) as one, a_replica(etcd) as two:
        for number in range(AFFILIATES_MAX - 1):
            await one.update(data=b"d", key=RecordKey("c", f"a{number}"))
        await until(lambda: len(two.clusters.affiliates("c")) == AFFILIATES_MAX - 1)

        async with asyncio.TaskGroup() as group:  # the last place, given away twice
            group.create_task(one.update(data=b"d", key=RecordKey("c", "one")))
            group.create_task(two.update(data=b"d", key=RecordKey("c", "two")))
        await until(lambda: len(one.clusters.affiliates("c")) == AFFILIATES_MAX + 1)

        for replica in (one, two):
            with pytest.raises(LimitExceeded):
                await replica.update(data=b"d", key=RecordKey("c", "late"))
            await replica.update(data=b"new", key=RecordKey("c", "a7"))


@virtually
async def test_limit_of_clusters_is_kept() -> None:
    async with a_replica(FakeEtcd(), clusters_max=1) as one:
        await one.update(data=b"d")

        with pytest.raises(LimitExceeded):
            await one.update(data=b"d", key=RecordKey("other", "a"))


@virtually
async def test_reply_that_is_lost_loses_nothing() -> None:
    etcd = FakeEtcd(lost_replies=1)
    async with a_replica(etcd) as one:
        await one.update(b"e", data=b"d")

        assert one.endpoints() == [b"e"]
        assert len(one.news) == 1
        etcd.lost_replies = 1
        await one.delete()
        assert one.get() is None


@virtually
async def test_acknowledgement_waits_for_the_watch_but_not_for_ever() -> None:
    etcd = FakeEtcd()
    async with a_replica(etcd) as one, asyncio.timeout(3):
        etcd.is_mute = True

        await one.update(data=b"d")

        assert RAW_A in etcd.stored_by_key
        assert one.get() is None


@virtually
async def test_outage_refuses_what_others_could_see_after_the_callers_patience() -> (
    None
):
    etcd = FakeEtcd()
    async with a_replica(etcd) as one:
        await one.update(data=b"d")
        etcd.fail("no leader")
        await until(lambda: not one.store.link.is_up)

        started_ns = one.clock()
        with pytest.raises(Unavailable, match="try again later"):
            await one.update(data=b"new", patience_s=3)
        with pytest.raises(Unavailable):
            await one.delete(patience_s=3)

        assert 5.9 < (one.clock() - started_ns) / 1e9 < 6.1
        assert one.store.health().ready
        assert "no leader" in one.store.health().problem


@virtually
async def test_outage_that_ends_in_time_is_only_a_delay() -> None:
    etcd = FakeEtcd()
    async with a_replica(etcd) as one:
        etcd.fail()
        await until(lambda: not one.store.link.is_up)
        asyncio.get_running_loop().call_later(5, etcd.heal)

        await one.update(data=b"d", patience_s=20)

        assert one.get() is not None
        assert one.store.health() == StoreHealth(ready=True)


@virtually
async def test_refresh_in_an_outage_is_acknowledged_and_written_later() -> None:
    etcd = FakeEtcd()
    async with a_replica(etcd) as one, a_replica(etcd) as two:
        await one.update(b"e", data=b"d", ttl_s=60)
        etcd.fail()
        await until(lambda: not one.store.link.is_up)

        await one.update(b"e", data=b"d", ttl_s=600)
        await one.update(ttl_s=900)
        health = one.store.health()
        etcd.heal()
        await until(lambda: two.left_s() > 800)

        assert health.ready
        assert "refreshes waiting: 1" in health.problem
        assert len(one.store.remembered) == 0
        assert len(one.news) == len(two.news) == 1


@virtually
async def test_refresh_while_etcd_hangs_is_acknowledged_in_time() -> None:
    etcd = FakeEtcd()
    async with a_replica(etcd) as one:
        await one.update(data=b"d")
        etcd.is_hanging = True

        async with asyncio.timeout(1.5):
            await one.update(data=b"d", ttl_s=600, patience_s=1)
        with pytest.raises(Unavailable, match="try again later"):
            await one.update(data=b"new", patience_s=1)

        assert len(one.store.remembered) == 1


@virtually
async def test_write_that_etcd_refuses_says_so_while_reading_goes_on() -> None:
    class Full(FakeEtcd):
        async def put(self, key: bytes, value: bytes, if_revision: int):  # type: ignore[no-untyped-def]
            self.problem = "database space exceeded"
            try:
                return await super().put(key, value, if_revision)
            finally:
                self.problem = ""

    async with a_replica(Full()) as one:
        with pytest.raises(Unavailable, match="try again later"):
            await one.update(data=b"d", patience_s=1)

        assert one.store.link.is_up
        assert "space exceeded" in one.store.health().problem


@virtually
async def test_nothing_is_swept_in_an_outage_and_for_a_while_after() -> None:
    etcd = FakeEtcd()
    async with a_replica(etcd) as one:
        await one.update(data=b"d", ttl_s=5)
        etcd.fail()
        await until(lambda: not one.store.link.is_up)
        one.clock.advance(3600)
        await one.store.sweep()
        etcd.heal()
        await until(lambda: one.store.link.is_up)
        await one.store.sweep()

        assert one.get() is not None
        one.clock.advance(10)
        await one.store.sweep()
        assert one.get() is None


@virtually
async def test_new_replica_is_not_ready_until_it_has_read_everything() -> None:
    etcd = FakeEtcd()
    etcd.fail("no leader")
    async with a_replica(etcd, is_awaited=False) as one:
        await asyncio.sleep(1)

        assert not one.store.health().ready
        assert "no leader" in one.store.health().problem
        etcd.heal()
        await until(lambda: one.store.health().ready)


@virtually
async def test_deletion_of_what_etcd_has_lost_is_a_deletion() -> None:
    etcd = FakeEtcd()
    async with a_replica(etcd) as one:
        await one.update(data=b"d")
        etcd.stored_by_key.clear()
        one.store.mirror.expect_absent(A)

        await one.delete()

        assert one.get() is None
        assert one.news[-1][1].affiliate is None
