from dataclasses import replace

from discovery.state.affiliate import Affiliate, Endpoint
from discovery.stores.etcd.record_key import RecordKey
from tests.etcd_replicas import A, Replica, S, a_replica, until, virtually
from tests.fakes.etcd import FakeEtcd


def longer(replica: Replica, seconds: float = 600) -> Affiliate:
    record = replica.get()
    assert record is not None
    return replace(record, expires_ns=replica.clock() + int(seconds * S))


@virtually
async def test_known_and_remembered_are_read_as_one() -> None:
    async with a_replica(FakeEtcd()) as one:
        await one.update(b"e", data=b"d", ttl_s=60)
        one.store.remembered.add(A, longer(one))

        read = one.store.remembered.get(A)

        assert read == longer(one)
        assert A in one.store.remembered
        assert one.store.remembered.get(RecordKey("c", "unknown")) is None


@virtually
async def test_what_is_remembered_is_written_as_soon_as_possible() -> None:
    etcd = FakeEtcd()
    async with a_replica(etcd) as one:
        await one.update(data=b"d", ttl_s=60)

        one.store.remembered.add(A, longer(one))
        await until(lambda: not one.store.remembered)

        assert one.left_s() > 599


@virtually
async def test_hundreds_are_written_in_one_go() -> None:
    etcd = FakeEtcd()
    async with a_replica(etcd) as one:
        keys = [RecordKey("c", f"a{number}") for number in range(300)]
        for key in keys:
            await one.update(data=b"d", ttl_s=60, key=key)
        etcd.fail()
        await until(lambda: not one.store.link.is_up)
        for key in keys:
            await one.update(ttl_s=600, key=key)
        assert len(one.store.remembered) == 300

        etcd.heal()
        await until(lambda: not one.store.remembered)

        assert all(one.left_s(key) > 500 for key in keys)


@virtually
async def test_write_that_fails_is_tried_again() -> None:
    etcd = FakeEtcd()
    async with a_replica(etcd) as one:
        await one.update(data=b"d", ttl_s=60)
        etcd.lost_replies = 3

        one.store.remembered.add(A, longer(one))
        await until(lambda: not one.store.remembered)

        assert one.left_s() > 590


@virtually
async def test_what_another_replica_wrote_already_is_not_written_again() -> None:
    etcd = FakeEtcd()
    async with a_replica(etcd) as one:
        await one.update(data=b"d", ttl_s=60)
        puts = etcd.puts

        one.store.remembered.add(A, longer(one, seconds=60.05))
        await until(lambda: not one.store.remembered)

        assert etcd.puts == puts


@virtually
async def test_record_removed_by_others_meanwhile_comes_back() -> None:
    etcd = FakeEtcd()
    async with a_replica(etcd) as one, a_replica(etcd) as two:
        await one.update(b"e", data=b"d", ttl_s=60)
        await until(two.get)
        one.store.link.fall("cut off")
        await one.update(b"e", ttl_s=600)  # acknowledged here
        one.clock.advance(61)
        await two.delete()  # as a sweep of the others would
        await until(lambda: one.get() is None)

        one.store.link.rise()
        await until(two.get)

        assert one.left_s() > 530
        assert one.endpoints() == two.endpoints() == [b"e"]


@virtually
async def test_what_ran_out_while_it_was_remembered_is_forgotten() -> None:
    etcd = FakeEtcd()
    async with a_replica(etcd) as one:
        await one.update(data=b"d", ttl_s=60)
        one.store.link.fall("cut off")
        await one.update(data=b"d", ttl_s=90)
        one.clock.advance(1000)
        puts = etcd.puts

        one.store.link.rise()
        await until(lambda: not one.store.remembered)

        assert etcd.puts == puts


@virtually
async def test_remembered_is_not_what_newer_data_says() -> None:
    etcd = FakeEtcd()
    async with a_replica(etcd) as one, a_replica(etcd) as two:
        await one.update(b"e", data=b"d", ttl_s=60)
        await until(two.get)
        one.store.link.fall("cut off")
        await one.update(data=b"d", ttl_s=600)
        await two.update(b"f", data=b"new", ttl_s=60)

        one.store.link.rise()
        await until(lambda: two.left_s() > 500)

        record = two.get()
        assert record is not None
        assert record.data == b"new"
        assert record.endpoints[0] == Endpoint(b"e", record.endpoints[0].expires_ns)
        assert two.endpoints() == [b"e", b"f"]


@virtually
async def test_record_removed_on_purpose_meanwhile_stays_gone() -> None:
    etcd = FakeEtcd()
    async with a_replica(etcd) as one, a_replica(etcd) as two:
        await one.update(b"e", data=b"d", ttl_s=60)
        await until(two.get)
        one.store.link.fall("cut off")
        await one.update(ttl_s=600)
        await two.delete()  # long before a sweep would
        await until(lambda: one.get() is None)

        one.store.link.rise()
        await until(lambda: not one.store.remembered)

        assert etcd.stored_by_key == {}


@virtually
async def test_refresh_that_comes_while_an_older_one_is_written_is_not_lost() -> None:
    etcd = FakeEtcd()
    async with a_replica(etcd) as one:
        await one.update(data=b"d", ttl_s=60)
        etcd.fail()
        await until(lambda: not one.store.link.is_up)
        await one.update(data=b"d", ttl_s=600)
        etcd.is_mute = True  # the older one is written and waits to be heard of
        etcd.problem = ""
        await until(lambda: etcd.puts == 2)

        await one.update(data=b"d", ttl_s=900, patience_s=0.01)
        assert one.store.remembered
        etcd.heal()
        await until(lambda: not one.store.remembered)

        assert one.left_s() > 890


@virtually
async def test_refresh_is_not_given_up_for_a_life_that_only_seemed_long() -> None:
    etcd = FakeEtcd()
    async with a_replica(etcd) as two:
        await two.update(data=b"d", ttl_s=60)
        two.clock.advance(50)
        async with a_replica(etcd) as late:  # believes it lives for another 60 s
            late.store.link.fall("cut off")
            await late.update(data=b"d", ttl_s=600)
            two.clock.advance(11)
            await two.store.sweep()
            await until(lambda: late.get() is None)

            late.store.link.rise()
            await until(two.get)

            assert two.left_s() > 590


@virtually
async def test_record_made_anew_after_a_removal_has_nothing_of_the_old_one() -> None:
    etcd = FakeEtcd()
    async with a_replica(etcd) as one, a_replica(etcd) as two:
        await one.update(b"old", data=b"d", ttl_s=60)
        await until(two.get)
        one.store.link.fall("cut off")
        await one.update(ttl_s=600)
        await two.delete()
        await until(lambda: one.get() is None)
        assert one.store.remembered.get(A) is None

        one.store.link.rise()
        await one.update(b"new", data=b"d")

        assert one.endpoints() == [b"new"]
