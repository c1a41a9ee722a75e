import asyncio
from collections.abc import AsyncGenerator

import pytest

from discovery.drivers.etcd.access import Batch, Outcome
from discovery.drivers.etcd.failure import EtcdError
from discovery.state.affiliate import Affiliate
from tests.etcd_replicas import RAW_A, A, a_replica, until, virtually
from tests.fakes.etcd import FakeEtcd

RECORD = Affiliate("a", b"d", 1 << 60, ())


@virtually
async def test_write_is_done_when_this_replica_has_heard_of_it() -> None:
    async with a_replica(FakeEtcd()) as one:
        assert await one.store.writer.put(A, RECORD)

        assert one.get() is not None
        assert await one.store.writer.remove(A, if_known=True)
        assert one.get() is None


@virtually
async def test_slower_writer_hears_of_the_faster_one_before_it_tries_again() -> None:
    etcd = FakeEtcd()
    async with a_replica(etcd) as one, a_replica(etcd) as two:
        etcd.is_mute = True
        assert await one.store.writer.put(A, RECORD)
        assert two.get() is None

        etcd.heal()
        assert not await two.store.writer.put(A, RECORD)

        assert two.get() is not None
        assert await two.store.writer.put(A, RECORD)


@virtually
async def test_removal_of_what_changed_meanwhile_is_none() -> None:
    etcd = FakeEtcd()
    async with a_replica(etcd) as one, a_replica(etcd) as two:
        await one.update(data=b"d")
        await until(two.get)
        etcd.is_mute = True
        await one.update(data=b"new")
        etcd.heal()

        assert not await two.store.writer.remove(A, if_known=True)
        assert RAW_A in etcd.stored_by_key
        assert await two.store.writer.remove(A, if_known=False)


@virtually
async def test_removal_of_nothing_does_not_wait() -> None:
    async with a_replica(FakeEtcd()) as one:
        started_ns = one.clock()

        assert not await one.store.writer.remove(A, if_known=False)

        assert one.clock() - started_ns < 10**9


@virtually
async def test_write_that_fails_is_doubt_in_etcd() -> None:
    etcd = FakeEtcd(lost_replies=2)
    async with a_replica(etcd) as one:
        with pytest.raises(EtcdError):
            await one.store.writer.put(A, RECORD)
        assert "no answer" in one.store.link.problem

        await until(one.get)
        with pytest.raises(EtcdError):
            await one.store.writer.remove(A, if_known=True)
        await until(lambda: one.get() is None)

        assert await one.store.writer.put(A, RECORD)
        assert one.store.link.problem == ""


@virtually
async def test_removal_given_up_and_done_late_removes_nothing_newer() -> None:
    class Late(FakeEtcd):
        given_up: tuple[bytes, int] | None = None

        async def delete(self, key: bytes, if_revision: int) -> Outcome:
            if self.given_up is None and key in self.stored_by_key:
                self.given_up = key, if_revision
                raise EtcdError("no answer in time")
            return await super().delete(key, if_revision)

    etcd = Late()
    async with a_replica(etcd) as one:
        await one.update(data=b"old")
        await one.delete()
        await one.update(data=b"new")

        assert etcd.given_up is not None
        await etcd.delete(*etcd.given_up)

        assert RAW_A in etcd.stored_by_key


@virtually
async def test_write_is_heard_although_the_last_fragment_is_to_come() -> None:
    class InFragments(FakeEtcd):
        async def watch(
            self, prefix: bytes, revision: int, member: str
        ) -> AsyncGenerator[Batch, None]:
            async for batch in super().watch(prefix, revision, member):
                yield Batch(batch.keys, max(batch.revision - 1, 0))

    async with a_replica(InFragments()) as one, asyncio.timeout(0.5):
        await one.update(data=b"d")

        assert one.get() is not None


@virtually
async def test_removal_reaches_what_was_not_heard_of_yet() -> None:
    etcd = FakeEtcd()
    async with a_replica(etcd) as one:
        etcd.is_mute = True
        etcd.write(RAW_A, b"by another replica, just now")
        etcd.write(RAW_A, b"and changed")

        assert await one.store.writer.remove(A, if_known=False)

        assert RAW_A not in etcd.stored_by_key
