"""What anybody may rely on of etcd: of the real one, and of the one in our tests."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path

import pytest

from discovery.drivers.etcd.access import Etcd, Page, Stored
from discovery.drivers.etcd.client import EtcdClient
from discovery.drivers.etcd.failure import Compacted
from discovery.drivers.etcd.members import Members
from tests.etcd_processes import EtcdCluster, an_etcd, needs_etcd
from tests.fakes.etcd import FakeEtcd

PATIENCE_S = 10.0


@dataclass
class Subject:
    """An etcd, a prefix nobody else uses, and how to make it forget."""

    etcd: Etcd
    prefix: bytes
    compact: Callable[[], None]


@pytest.fixture(scope="module")
def real_etcd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EtcdCluster]:
    with an_etcd(tmp_path_factory.mktemp("etcd")) as cluster:
        yield cluster


@pytest.fixture(
    params=[
        "fake",
        pytest.param("real", marks=[pytest.mark.interop, needs_etcd]),
    ]
)
async def subject(
    request: pytest.FixtureRequest, tmp_path: Path
) -> AsyncIterator[Subject]:
    prefix = f"/{tmp_path.name}/".encode()
    if request.param == "fake":
        fake = FakeEtcd()
        yield Subject(fake, prefix, fake.compact)
        return
    cluster: EtcdCluster = request.getfixturevalue("real_etcd")
    members = Members(cluster.endpoints)
    etcd = EtcdClient(members)

    def compact() -> None:
        header = cluster.ctl("get", "nothing", "--write-out=json")
        revision = header.partition('"revision":')[2].partition(",")[0]
        cluster.ctl("compact", revision)

    yield Subject(etcd, prefix, compact)
    await members.close()


async def all_pages(subject: Subject) -> list[Page]:
    async with aclosing(subject.etcd.pages(subject.prefix)) as pages:
        return [page async for page in pages]


async def test_put_holds_only_if_nobody_was_faster(subject: Subject) -> None:
    key = subject.prefix + b"k"

    made = await subject.etcd.put(key, b"1", 0)
    again = await subject.etcd.put(key, b"2", 0)
    changed = await subject.etcd.put(key, b"3", made.revision)

    assert (made.changed, again.changed, changed.changed) == (True, False, True)
    [page] = await all_pages(subject)
    assert page.keys == (Stored(key, b"3", changed.revision),)


async def test_deletion_holds_only_if_nobody_was_faster(subject: Subject) -> None:
    key = subject.prefix + b"k"
    made = await subject.etcd.put(key, b"1", 0)

    late = await subject.etcd.delete(key, made.revision - 1)
    in_time = await subject.etcd.delete(key, made.revision)
    of_nothing = await subject.etcd.delete(key, 0)
    of_the_past = await subject.etcd.delete(key, made.revision)

    assert (late.found, of_nothing.found, of_the_past.found) == (made.revision, 0, 0)
    assert (late.changed, in_time.changed, of_nothing.changed) == (False, True, False)
    [page] = await all_pages(subject)
    assert page.keys == ()


async def test_change_is_remembered_in_its_own_history_only(subject: Subject) -> None:
    etcd, key = subject.etcd, subject.prefix + b"k"
    made = await etcd.put(key, b"1", 0)
    changed = await etcd.put(key, b"2", made.revision)
    await etcd.delete(key, changed.revision)

    assert await etcd.remembers(Stored(key, b"1", made.revision))
    assert await etcd.remembers(Stored(key, b"2", changed.revision))
    assert not await etcd.remembers(Stored(key, b"x", changed.revision))
    assert not await etcd.remembers(Stored(key + b"x", b"2", changed.revision))


async def test_head_is_at_least_as_new_as_every_write(subject: Subject) -> None:
    before = await subject.etcd.head(subject.prefix)
    made = await subject.etcd.put(subject.prefix + b"k", b"1", 0)

    after = await subject.etcd.head(subject.prefix)

    assert before.revision < made.revision <= after.revision
    assert before.history == after.history != 0
    await subject.etcd.probe(subject.prefix, after.member)


async def test_listing_has_everything_below_the_prefix_in_order(
    subject: Subject,
) -> None:
    names = [b"%04d" % number for number in range(1201)]
    for name in reversed(names):
        await subject.etcd.put(subject.prefix + name, name, 0)
    outside = await subject.etcd.put(b"outside" + subject.prefix, b"x", 0)

    pages = await all_pages(subject)

    assert len({(page.history, page.revision) for page in pages}) == 1
    listed = [stored.key for page in pages for stored in page.keys]
    assert listed == [subject.prefix + name for name in names]
    await subject.etcd.delete(b"outside" + subject.prefix, outside.revision)


async def test_watch_tells_what_was_and_what_comes_in_order(subject: Subject) -> None:
    etcd, key = subject.etcd, subject.prefix + b"k"
    head = await etcd.head(subject.prefix)
    one = await etcd.put(key, b"1", 0)
    outside = await etcd.put(b"outside" + subject.prefix, b"x", 0)

    told: list[Stored] = []
    async with (
        asyncio.timeout(PATIENCE_S),
        aclosing(etcd.watch(subject.prefix, head.revision + 1, head.member)) as watch,
    ):
        first = await anext(watch)
        two = await etcd.put(key, b"2", one.revision)
        three = await etcd.delete(key, two.revision)
        while len(told) < 3:
            batch = await anext(watch)
            told += batch.keys
            assert batch.revision == batch.keys[-1].mod_revision

    assert (first.keys, first.revision) == ((), 0)
    assert told == [
        Stored(key, b"1", one.revision),
        Stored(key, b"2", two.revision),
        Stored(key, None, three.revision),
    ]
    await etcd.delete(b"outside" + subject.prefix, outside.revision)


async def test_watch_from_a_forgotten_past_says_so(subject: Subject) -> None:
    etcd, key = subject.etcd, subject.prefix + b"k"
    head = await etcd.head(subject.prefix)
    one = await etcd.put(key, b"1", 0)
    await etcd.put(key, b"2", one.revision)
    subject.compact()

    async with aclosing(
        etcd.watch(subject.prefix, head.revision, head.member)
    ) as watch:
        assert (await anext(watch)).keys == ()
        with pytest.raises(Compacted):
            await asyncio.wait_for(anext(watch), PATIENCE_S)


async def test_renewing_without_a_reason_changes_nothing(subject: Subject) -> None:
    await subject.etcd.renew()

    assert await subject.etcd.head(subject.prefix)
