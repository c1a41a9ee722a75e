import asyncio
from contextlib import ExitStack

import pytest

from discovery.state.affiliate import Affiliate
from discovery.state.clusters import Clusters
from discovery.state.limits import AFFILIATES_MAX, LimitExceeded
from discovery.stores.etcd.places import Places
from discovery.stores.etcd.record_key import RecordKey
from tests.etcd_replicas import a_replica, until, virtually
from tests.fakes.etcd import FakeEtcd


def key(number: int) -> RecordKey:
    return RecordKey("c", f"a{number}")


def a_cluster(size: int) -> Clusters:
    clusters = Clusters()
    for number in range(size):
        clusters.put("c", Affiliate(f"a{number}", b"d", 1 << 60, ()))
    return clusters


def test_places_on_their_way_are_taken() -> None:
    places = Places(a_cluster(AFFILIATES_MAX - 2))

    with ExitStack() as stack:
        stack.enter_context(places.take(key(AFFILIATES_MAX)))
        stack.enter_context(places.take(key(AFFILIATES_MAX + 1)))
        with pytest.raises(LimitExceeded), places.take(key(AFFILIATES_MAX + 2)):
            pass
        stack.enter_context(places.take(key(7)))  # who is there needs none

    assert len(places) == 0


def test_who_was_seen_meanwhile_is_not_counted_twice() -> None:
    clusters = a_cluster(AFFILIATES_MAX - 2)
    places = Places(clusters)

    with places.take(key(AFFILIATES_MAX)):
        arrived = Affiliate(key(AFFILIATES_MAX).affiliate_id, b"d", 1 << 60, ())
        clusters.put("c", arrived)
        with places.take(key(AFFILIATES_MAX + 1)):
            pass

    assert len(places) == 0


@virtually
async def test_thousands_created_at_once_through_one_replica_are_1024() -> None:
    etcd = FakeEtcd()
    async with a_replica(etcd) as one:

        async def create(number: int) -> int:
            try:
                await one.update(data=b"d", key=key(number))
            except LimitExceeded:
                return 0
            return 1

        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(create(number)) for number in range(2000)]
        created = sum(task.result() for task in tasks)
        await until(lambda: len(one.clusters.affiliates("c")) >= created)

        assert created == len(one.clusters.affiliates("c")) == AFFILIATES_MAX
        assert len(one.store.places) == 0
