import logging
from collections.abc import AsyncGenerator

import pytest

from discovery.drivers.etcd.access import Page
from discovery.drivers.etcd.failure import EtcdError
from discovery.state.affiliate import Affiliate
from discovery.stores.etcd.record_key import RecordKey, etcd_key_from_record_key
from discovery.stores.etcd.record_value import encode_record
from tests.etcd_replicas import PREFIX, RAW_A, A, S, a_replica, until, virtually
from tests.fakes.etcd import FakeEtcd

B = RecordKey("c", "b")


def a_value(affiliate_id: str = "a", data: bytes = b"d", ttl_s: int = 60) -> bytes:
    return encode_record(Affiliate(affiliate_id, data, ttl_s * S, ()), 0)


def write(etcd: FakeEtcd, key: RecordKey, **fields: object) -> None:
    value = a_value(key.affiliate_id, **fields)  # type: ignore[arg-type] # as given
    etcd.write(etcd_key_from_record_key(PREFIX, key), value)


@virtually
async def test_everything_is_read_at_the_start_however_many_pages() -> None:
    etcd = FakeEtcd()
    for number in range(10):
        write(etcd, RecordKey("c", f"a{number}"))
    etcd.write(b"outside", b"x")
    etcd.write(PREFIX + b"nonsense", b"x")

    async with a_replica(etcd) as one:
        assert len(one.clusters.affiliates("c")) == 10
        assert one.news == []
        assert one.store.mirror.revision == etcd.revision
        assert one.store.mirror.unreadable == 1


@virtually
async def test_whole_remaining_life_counts_from_reading() -> None:
    etcd = FakeEtcd()
    write(etcd, A, ttl_s=60)

    async with a_replica(etcd) as one:
        assert 59 < one.left_s() <= 60


@virtually
async def test_after_lost_history_only_what_changed_is_told() -> None:
    etcd = FakeEtcd()
    keys = [RecordKey("c", name) for name in ("gone", "changed", "same")]
    async with a_replica(etcd) as one:
        for key in keys:
            await one.update(data=b"d", key=key, ttl_s=60)
        one.news.clear()
        etcd.is_mute = True
        etcd.write(etcd_key_from_record_key(PREFIX, keys[0]), None)
        write(etcd, keys[1], data=b"new")
        write(etcd, B)
        etcd.compact()
        one.clock.advance(10)
        etcd.heal()
        etcd.break_watches()
        await until(lambda: len(one.news) == 3)

        told = {change.affiliate_id: change for _, change in one.news}
        assert set(told) == {"gone", "changed", "b"}
        assert told["gone"].affiliate is None
        assert one.left_s(keys[2]) < 51  # reading again is no refresh
        await until(lambda: one.store.link.is_up)


@virtually
async def test_listing_that_breaks_in_the_middle_is_taken_again() -> None:
    class Breaking(FakeEtcd):
        times = 2

        async def pages(self, prefix: bytes) -> AsyncGenerator[Page, None]:
            async for page in super().pages(prefix):
                yield page
                if self.times:
                    self.times -= 1
                    raise EtcdError("gone")

    etcd = Breaking()
    for number in range(10):
        write(etcd, RecordKey("c", f"a{number}"))

    async with a_replica(etcd, is_awaited=False) as one:
        await until(lambda: one.clusters.affiliates("c"))
        assert not one.store.health().ready
        await until(lambda: one.store.link.is_up)

        assert len(one.clusters.affiliates("c")) == 10
        assert one.news == []


@virtually
async def test_etcd_set_up_anew_is_given_back_what_replicas_know(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.ERROR)
    etcd = FakeEtcd()
    async with a_replica(etcd) as one, a_replica(etcd) as two:
        for number in range(20):
            await one.update(b"e", data=b"d", key=RecordKey("c", f"a{number}"))
        await one.update(data=b"d", ttl_s=5, key=B)
        await until(lambda: len(two.clusters.affiliates("c")) == 21)
        for replica in (one, two):
            replica.clock.advance(10)
            replica.news.clear()

        etcd.wipe()
        await until(lambda: len(etcd.stored_by_key) == 20)
        await until(lambda: not one.store.remembered and not two.store.remembered)
        await until(lambda: one.get(B) is None and two.get(B) is None)

        for replica in (one, two):
            assert [change.affiliate_id for _, change in replica.news] == ["b"]
            assert 49 < replica.left_s(RecordKey("c", "a7")) < 51
            assert replica.store.mirror.history == 2
        assert set(caplog.messages) == {"etcd lost its records; writing ours"}
        await two.update(b"f", key=RecordKey("c", "a7"))
        await until(lambda: len(one.endpoints(RecordKey("c", "a7"))) == 2)


@virtually
async def test_older_backup_is_completed_and_otherwise_believed() -> None:
    etcd = FakeEtcd()
    async with a_replica(etcd) as one:
        await one.update(data=b"newest")
        await one.update(data=b"d", key=B)
        etcd.wipe()
        write(etcd, A, data=b"from the backup")

        await until(lambda: len(etcd.stored_by_key) == 2)
        await until(lambda: one.news[-1][1].affiliate is not None)

        record = one.get()
        assert record is not None
        assert record.data == b"from the backup"
        assert one.get(B) is not None


@virtually
async def test_history_that_went_back_is_another_one() -> None:
    etcd = FakeEtcd()
    async with a_replica(etcd) as one:
        for number in range(5):
            await one.update(data=b"%d" % number)
        etcd.wipe(history=1)  # restored with the same name
        write(etcd, B)

        await until(lambda: one.get(B))
        await until(lambda: RAW_A in etcd.stored_by_key)

        record = one.get()
        assert record is not None
        assert record.data == b"4"


@virtually
async def test_empty_listing_does_not_empty_what_clients_see() -> None:
    etcd = FakeEtcd()
    async with a_replica(etcd) as one:
        await one.update(data=b"d")
        etcd.is_mute = True
        etcd.write(RAW_A, None)
        etcd.compact()
        etcd.heal()
        etcd.break_watches()

        await until(lambda: RAW_A in etcd.stored_by_key)

        assert one.get() is not None
        assert len(one.news) == 1


@virtually
async def test_deletions_that_are_heard_are_believed_all_of_them() -> None:
    etcd = FakeEtcd()
    async with a_replica(etcd) as one:
        await one.update(data=b"d")

        etcd.write(RAW_A, None)
        await until(lambda: one.get() is None)

        assert etcd.stored_by_key == {}


@virtually
async def test_other_history_is_noticed_although_it_has_overtaken_ours() -> None:
    etcd = FakeEtcd()
    async with a_replica(etcd) as one:
        await one.update(data=b"d")
        etcd.wipe(history=1)  # set up anew with the same name
        write(etcd, B)
        for _ in range(5):
            write(etcd, RecordKey("c", "busy"))

        await until(lambda: one.get(B))
        await until(lambda: RAW_A in etcd.stored_by_key)
        await one.update(data=b"new", patience_s=1)

        assert one.get() is not None


@virtually
async def test_etcd_that_comes_back_empty_takes_no_acknowledged_refresh_along() -> None:
    etcd = FakeEtcd()
    async with a_replica(etcd) as one:
        await one.update(b"e", data=b"d", ttl_s=60)
        etcd.fail()
        await until(lambda: not one.store.link.is_up)
        await one.update(b"e", data=b"d", ttl_s=600)
        one.clock.advance(100)  # by what etcd had, it has run out

        etcd.wipe()
        etcd.heal()
        await until(lambda: RAW_A in etcd.stored_by_key)
        await until(lambda: not one.store.remembered)

        assert one.left_s() > 490
        assert len(one.news) == 1
