import asyncio
import logging

import pytest

from discovery.drivers.etcd.access import Batch, Stored
from discovery.state.affiliate import Affiliate, Endpoint
from discovery.state.cluster import Change
from discovery.state.clusters import Clusters
from discovery.stores.etcd.mirror import Mirror
from discovery.stores.etcd.record_value import encode_record
from tests.etcd_replicas import PREFIX, RAW_A, A

S = 10**9


class Subject:
    """A mirror and what it told."""

    def __init__(self, *, is_loaded: bool = True) -> None:
        self.now_ns = 0
        self.clusters = Clusters()
        self.news: list[tuple[str, Change]] = []
        self.mirror = Mirror(
            self.clusters,
            lambda cluster_id, change: self.news.append((cluster_id, change)),
            lambda: self.now_ns,
            PREFIX,
        )
        if is_loaded:
            self.mirror.finish_listing(1, 1)

    def take(self, *keys: Stored) -> None:
        self.mirror.take(Batch(keys, keys[-1].mod_revision))


def a_record(*endpoints: bytes, data: bytes = b"d", ttl_ns: int = 60 * S) -> Affiliate:
    return Affiliate("a", data, ttl_ns, tuple(Endpoint(e, ttl_ns) for e in endpoints))


def a_put(revision: int, record: Affiliate | None = None) -> Stored:
    return Stored(RAW_A, encode_record(record or a_record(), 0), revision)


def test_change_is_stored_counted_from_now_and_told() -> None:
    subject = Subject()
    subject.now_ns = 7 * S

    subject.take(a_put(2, a_record(b"e")))

    expected = a_record(b"e", ttl_ns=67 * S)
    assert subject.mirror.get(A) == expected
    assert subject.mirror.revision_of(A) == subject.mirror.revision == 2
    assert subject.news == [("c", Change("a", expected, created=True))]


def test_longer_life_alone_is_told_to_nobody() -> None:
    subject = Subject()
    subject.take(a_put(2))

    subject.take(a_put(3, a_record(ttl_ns=90 * S)))

    assert len(subject.news) == 1
    assert subject.mirror.get(A) == a_record(ttl_ns=90 * S)


def test_deletion_is_told_and_leaves_nothing() -> None:
    subject = Subject()
    subject.take(a_put(2))

    subject.take(Stored(RAW_A, None, 3))

    assert subject.news[-1] == ("c", Change("a", None))
    assert (subject.mirror.get(A), subject.mirror.revision_of(A)) == (None, 0)
    assert subject.mirror.keys == ()


def test_what_is_older_than_known_is_passed_over() -> None:
    subject = Subject()
    subject.take(a_put(5, a_record(data=b"new")))

    subject.mirror.take_listed([a_put(4, a_record(data=b"old"))])
    subject.mirror.take_listed([Stored(RAW_A, None, 3)])

    assert subject.mirror.get(A) == a_record(data=b"new")


def test_what_is_loaded_at_the_start_is_told_to_nobody() -> None:
    subject = Subject(is_loaded=False)

    assert subject.mirror.take_listed([a_put(2)]) == {A}
    assert not subject.mirror.is_loaded
    subject.mirror.finish_listing(1, 9)

    assert subject.mirror.is_loaded
    assert subject.news == []
    assert subject.mirror.revision == 9


GARBAGE = [
    pytest.param(Stored(PREFIX + b"c", b"x", 2), id="key of no record"),
    pytest.param(Stored(PREFIX + b"c/\xff/", b"x", 2), id="key of no text"),
    pytest.param(Stored(RAW_A, b"\xff\xff", 2), id="value of no record"),
    pytest.param(Stored(RAW_A, b"", 2), id="empty value"),
]


@pytest.mark.parametrize("garbage", GARBAGE)
def test_garbage_is_skipped_counted_and_said_once(
    garbage: Stored, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    subject = Subject()
    other = a_put(3)

    subject.take(garbage, Stored(garbage.key, garbage.value, 3))
    subject.take(Stored(other.key.replace(b"/a", b"/b"), b"", 4), a_put(5))

    assert subject.mirror.get(A) == a_record()
    assert subject.mirror.unreadable == 3
    assert caplog.messages == ["etcd: skipped what is no record"] * 2


def test_log_does_not_grow_with_garbage(caplog: pytest.LogCaptureFixture) -> None:
    subject = Subject()

    for number in range(1000):
        subject.take(Stored(PREFIX + b"%d" % number, b"", number + 2))

    assert subject.mirror.unreadable == 1000
    assert len(caplog.messages) == 10


def test_garbage_over_a_record_leaves_it_and_may_be_replaced() -> None:
    subject = Subject()
    subject.take(a_put(2))

    subject.take(Stored(RAW_A, b"garbage", 3))

    assert subject.mirror.get(A) == a_record()
    assert subject.mirror.revision_of(A) == 3  # what a write must compare with


def test_record_lost_by_etcd_is_kept_as_if_it_did_not_exist_there() -> None:
    subject = Subject()
    subject.take(a_put(2))

    subject.mirror.expect_absent(A)

    assert subject.mirror.get(A) == a_record()
    assert subject.mirror.revision_of(A) == 0


def test_record_missing_in_a_listing_is_dropped_and_told() -> None:
    subject = Subject()
    subject.take(a_put(2))

    subject.mirror.drop(A)

    assert subject.mirror.keys == ()
    assert subject.news[-1] == ("c", Change("a", None))


def test_another_history_may_have_lower_revisions() -> None:
    subject = Subject()
    subject.take(a_put(50))

    subject.mirror.forget_revisions()
    subject.mirror.take_listed([a_put(3, a_record(data=b"new"))])
    subject.mirror.finish_listing(2, 4)

    assert subject.mirror.get(A) == a_record(data=b"new")
    assert (subject.mirror.history, subject.mirror.revision) == (2, 4)


async def test_who_waits_for_a_record_is_woken_by_news_of_it() -> None:
    subject = Subject()
    waiting = asyncio.get_running_loop().create_task(
        subject.mirror.wait_for(A, lambda: subject.mirror.revision >= 3, 5)
    )
    await asyncio.sleep(0)

    subject.take(a_put(2))
    await asyncio.sleep(0)
    assert not waiting.done()
    subject.take(Stored(RAW_A, None, 3))

    assert await waiting


async def test_who_waits_is_woken_by_a_listing() -> None:
    subject = Subject()
    waiting = asyncio.get_running_loop().create_task(
        subject.mirror.wait_for(A, lambda: subject.mirror.revision >= 3, 5)
    )
    await asyncio.sleep(0)

    subject.mirror.finish_listing(1, 3)

    assert await waiting


async def test_waiting_ends_in_time_and_leaves_nothing_behind() -> None:
    subject = Subject()

    assert not await subject.mirror.wait_for(A, lambda: False, 0.01)

    assert subject.mirror._news_by_key == {}
