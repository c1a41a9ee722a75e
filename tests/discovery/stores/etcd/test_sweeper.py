import asyncio

from discovery.stores.etcd.lifetimes import WAY_NS
from discovery.stores.etcd.record_key import RecordKey
from tests.etcd_replicas import A, a_replica, until, virtually
from tests.fakes.etcd import FakeEtcd


@virtually
async def test_nothing_due_costs_etcd_nothing() -> None:
    etcd = FakeEtcd()
    async with a_replica(etcd) as one:
        await one.update(b"e", data=b"d")
        etcd.fail()  # whoever is asked now says no

        assert await one.store.sweeper.sweep() == 0
        assert etcd.deletions == 0


@virtually
async def test_nothing_goes_early() -> None:
    async with a_replica(FakeEtcd()) as one:
        await one.update(data=b"d", ttl_s=5)
        one.clock.advance(5)

        assert await one.store.sweeper.sweep() == 0
        one.clock.advance((WAY_NS + 1000) / 1e9)
        assert await one.store.sweeper.sweep() == 1


@virtually
async def test_thousands_are_removed_while_others_are_served() -> None:
    etcd = FakeEtcd()
    async with a_replica(etcd) as one:
        for number in range(2500):
            key = RecordKey(f"c{number % 50}", f"a{number}")
            await one.update(data=b"d", ttl_s=1, key=key)
        await one.update(data=b"d", ttl_s=60)
        one.clock.advance(5)

        async with asyncio.TaskGroup() as group:
            sweeping = group.create_task(one.store.sweeper.sweep())
            await one.update(b"e")

        assert sweeping.result() == 2500
        assert one.endpoints() == [b"e"]
        assert len(etcd.stored_by_key) == 1


@virtually
async def test_replicas_that_sweep_together_do_not_repeat_each_other_much() -> None:
    etcd = FakeEtcd()
    async with a_replica(etcd) as one, a_replica(etcd) as two:
        for number in range(200):
            await one.update(data=b"d", ttl_s=1, key=RecordKey("c", f"a{number}"))
        await until(lambda: len(two.clusters.affiliates("c")) == 200)
        for replica in (one, two):
            replica.clock.advance(5)

        async with asyncio.TaskGroup() as group:
            sweeps = [group.create_task(r.store.sweeper.sweep()) for r in (one, two)]

        assert sum(sweep.result() for sweep in sweeps) == 200
        assert etcd.deletions < 300
        assert one.clusters.affiliates("c") == two.clusters.affiliates("c") == ()


@virtually
async def test_sweep_ends_where_etcd_fails_and_goes_on_later() -> None:
    etcd = FakeEtcd()
    async with a_replica(etcd) as one:
        for number in range(50):
            await one.update(data=b"d", ttl_s=1, key=RecordKey("c", f"a{number}"))
        one.clock.advance(5)
        etcd.lost_replies = 100

        swept = await one.store.sweeper.sweep()
        etcd.lost_replies = 0
        while one.clusters.affiliates("c"):
            await asyncio.sleep(0.1)
            swept += await one.store.sweeper.sweep()

        assert swept <= 50
        assert etcd.stored_by_key == {}


@virtually
async def test_remembered_life_counts_before_it_is_written() -> None:
    etcd = FakeEtcd()
    async with a_replica(etcd) as one:
        await one.update(data=b"d", ttl_s=1)
        record = one.get()
        assert record is not None
        one.clock.advance(5)
        one.store.remembered._record_by_key[A] = record  # not to be written yet

        assert await one.store.sweeper.sweep() == 0
        one.store.remembered.drop(A)
        assert await one.store.sweeper.sweep() == 1


@virtually
async def test_record_etcd_lost_goes_when_it_has_run_out() -> None:
    etcd = FakeEtcd()
    async with a_replica(etcd) as one:
        await one.update(data=b"d", ttl_s=1)
        one.store.mirror.expect_absent(A)
        one.clock.advance(5)

        async with asyncio.timeout(1.5):
            await one.store.sweeper.sweep()

        assert one.get() is None
        assert one.news[-1][1].affiliate is None
        assert one.store.mirror.keys == ()
