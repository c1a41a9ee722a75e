import asyncio
from collections.abc import AsyncGenerator

from discovery.drivers.etcd.access import Batch, Page
from discovery.drivers.etcd.failure import EtcdError
from tests.etcd_replicas import RAW_A, A, a_replica, until, virtually
from tests.fakes.etcd import FakeEtcd


class Counting(FakeEtcd):
    """Counts listings and probes."""

    listings = 0
    probes = 0

    async def pages(self, prefix: bytes) -> AsyncGenerator[Page, None]:
        self.listings += 1
        async for page in super().pages(prefix):
            yield page

    async def probe(self, prefix: bytes, member: str) -> None:
        self.probes += 1
        await super().probe(prefix, member)


@virtually
async def test_watch_that_breaks_goes_on_where_it_was() -> None:
    etcd = Counting()
    async with a_replica(etcd) as one:
        await one.update(b"e1", data=b"d")
        etcd.break_watches()
        await one.update(b"e2")
        await until(lambda: one.endpoints() == [b"e1", b"e2"])

        etcd.is_mute = True
        etcd.break_watches()
        etcd.write(RAW_A, None)
        etcd.heal()
        await until(lambda: one.get() is None)

        assert etcd.listings == 1
        assert len(one.news) == 3


@virtually
async def test_lost_history_is_made_up_for_by_one_listing() -> None:
    etcd = Counting()
    async with a_replica(etcd) as one:
        await one.update(data=b"d")
        etcd.is_mute = True
        etcd.write(RAW_A, None)
        etcd.write(RAW_A.replace(b"/c/", b"/d/"), b"garbage")
        etcd.compact()
        etcd.heal()
        etcd.break_watches()
        await until(lambda: one.get() is None)

        assert etcd.listings == 2


@virtually
async def test_member_that_hangs_is_noticed_by_asking_it() -> None:
    etcd = Counting()
    async with a_replica(etcd) as one:
        etcd.is_hanging = True

        await until(lambda: not one.store.link.is_up)
        assert "no answer" in one.store.health().problem
        etcd.heal()
        await until(lambda: one.store.link.is_up)

        assert etcd.listings == 1


@virtually
async def test_failed_write_is_a_reason_to_ask_at_once() -> None:
    etcd = Counting(lost_replies=1)
    async with a_replica(etcd) as one:
        probes = etcd.probes

        await one.update(data=b"d")
        await asyncio.sleep(0.1)

        assert etcd.probes == probes + 1


@virtually
async def test_long_outage_is_not_hammered_and_ends_soon() -> None:
    etcd = Counting()
    async with a_replica(etcd) as one:
        etcd.fail()
        await asyncio.sleep(100)
        renewals = etcd.renewals
        etcd.heal()
        started_ns = one.clock()
        await until(lambda: one.store.link.is_up)

        assert 40 < renewals < 120  # files are looked at before each try
        assert one.clock() - started_ns < 3 * 10**9
        assert one.store.mirror.revision_of(A) == 0


@virtually
async def test_end_that_comes_together_with_a_failure_is_heeded() -> None:
    etcd = FakeEtcd()
    async with asyncio.timeout(5):
        async with a_replica(etcd):
            etcd.fail()


@virtually
async def test_watch_that_breaks_as_soon_as_it_stands_is_no_hot_loop() -> None:
    class Flapping(Counting):
        async def watch(
            self, prefix: bytes, revision: int, member: str
        ) -> AsyncGenerator[Batch, None]:
            async for batch in super().watch(prefix, revision, member):
                yield batch
                raise EtcdError("gone again")

    etcd = Flapping()
    async with a_replica(etcd):
        await asyncio.sleep(100)

        assert 40 < etcd.renewals < 120


@virtually
async def test_many_failed_writes_are_no_flood_of_questions() -> None:
    etcd = Counting()
    async with a_replica(etcd) as one:
        probes = etcd.probes
        for _ in range(1000):
            one.store.link.doubt("full")
            await asyncio.sleep(0.001)

        assert etcd.probes - probes < 25
