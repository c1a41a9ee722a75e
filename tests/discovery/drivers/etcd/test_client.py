import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import grpc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from discovery.api import etcd_pb2 as pb
from discovery.drivers.etcd import client as client_module
from discovery.drivers.etcd.access import Batch
from discovery.drivers.etcd.client import EtcdClient, _batch_from_raw
from discovery.drivers.etcd.failure import Compacted, EtcdError
from discovery.drivers.etcd.members import MESSAGE_BYTES_MAX, Members
from tests.etcd_processes import an_etcd, needs_etcd
from tests.fakes.etcd_member import a_head, a_member, never, no_watch, refuse

PATIENCE_S = 10.0
DEAD = "127.0.0.1:1"


@asynccontextmanager
async def a_client(*endpoints: str) -> AsyncIterator[EtcdClient]:
    members = Members(endpoints)
    try:
        async with asyncio.timeout(60):
            yield EtcdClient(members)
    finally:
        await members.close()


async def first_batches(client: EtcdClient, member: str, count: int = 1) -> list[Batch]:
    async with aclosing(client.watch(b"p/", 1, member)) as watch:
        return [await anext(watch) for _ in range(count)]


async def test_another_member_answers_for_a_dead_one_and_is_asked_first() -> None:
    async with a_member(lambda _: a_head()) as alive, a_client(DEAD, alive) as client:
        first = await client.head(b"p/")

        assert first.member == alive
        assert client._members.names == (alive, DEAD)


async def test_failure_of_all_members_names_each() -> None:
    async with a_client(DEAD, "127.0.0.1:2") as client:
        with pytest.raises(EtcdError, match=r"127.0.0.1:1: .*; 127.0.0.1:2: "):
            await client.head(b"p/")


async def test_what_all_members_would_say_is_asked_once() -> None:
    asked = []

    def no_space(raw: bytes) -> bytes:
        asked.append(raw)
        return refuse(
            grpc.StatusCode.RESOURCE_EXHAUSTED,
            "etcdserver: mvcc: database space exceeded",
        )(raw)

    async with (
        a_member(no_space) as one,
        a_member(no_space) as two,
        a_client(one, two) as client,
    ):
        with pytest.raises(EtcdError, match="mvcc: database space exceeded"):
            await client.put(b"k", b"v", 0)

    assert len(asked) == 1


async def test_probe_asks_one_member_only() -> None:
    async with a_member(lambda _: a_head()) as alive, a_client(DEAD, alive) as client:
        await client.probe(b"p/", alive)
        with pytest.raises(EtcdError):
            await client.probe(b"p/", DEAD)


@pytest.mark.parametrize("raw", [b"\xff", b"\x0a\x05", b"\0" * 50])
async def test_answer_that_is_no_message_is_a_failure(raw: bytes) -> None:
    async with a_member(lambda _: raw) as member, a_client(member) as client:
        with pytest.raises(EtcdError):
            await client.head(b"p/")
        with pytest.raises(EtcdError):
            await client.put(b"k", b"v", 0)


async def test_answer_that_is_too_large_is_a_failure() -> None:
    huge = pb.RangeResponse(kvs=[pb.KeyValue(value=bytes(MESSAGE_BYTES_MAX))])

    async with (
        a_member(lambda _: huge.SerializeToString()) as member,
        a_client(member) as client,
    ):
        with pytest.raises(EtcdError):
            await client.head(b"p/")


async def test_pages_that_say_more_and_bring_nothing_end() -> None:
    empty = pb.RangeResponse(more=True).SerializeToString()

    async with a_member(lambda _: empty) as member, a_client(member) as client:
        pages = [page async for page in client.pages(b"p/")]

    assert [page.keys for page in pages] == [()]


def watch_that_says(*messages: bytes) -> Any:
    async def watch(_: Any) -> AsyncIterator[bytes]:
        for message in messages:
            yield message

    return watch


@pytest.mark.parametrize(
    ("watch", "kind", "reason"),
    [
        pytest.param(no_watch, EtcdError, "ended", id="ends at once"),
        pytest.param(watch_that_says(b"\xff"), EtcdError, "no WatchResp", id="garbage"),
        pytest.param(
            watch_that_says(
                pb.WatchResponse(
                    created=True, canceled=True, cancel_reason="no right\n" * 999
                ).SerializeToString()
            ),
            EtcdError,
            "no right",
            id="cancelled",
        ),
        pytest.param(
            watch_that_says(
                pb.WatchResponse(canceled=True, compact_revision=9).SerializeToString()
            ),
            Compacted,
            "9",
            id="compacted",
        ),
        pytest.param(
            watch_that_says(
                pb.WatchResponse(
                    events=[pb.Event(kv=pb.KeyValue(value=bytes(MESSAGE_BYTES_MAX)))]
                ).SerializeToString()
            ),
            EtcdError,
            "larger than max",
            id="too large",
        ),
    ],
)
async def test_watch_that_fails_says_why(
    watch: Any, kind: type[Exception], reason: str
) -> None:
    async with a_member(watch=watch) as member, a_client(member) as client:
        with pytest.raises(kind, match=reason) as caught:
            await first_batches(client, member)

    assert len(str(caught.value)) <= 200


async def test_watch_that_is_not_answered_fails_in_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(client_module, "CALL_S", 0.2)

    async with a_member(watch=never) as member, a_client(member) as client:
        with pytest.raises(EtcdError, match="no answer in time"):
            await first_batches(client, member)


async def test_watch_of_a_dead_member_fails() -> None:
    async with a_client(DEAD) as client:
        with pytest.raises(EtcdError, match="refused"):
            await first_batches(client, DEAD)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_of_a_watch_are_a_batch_or_a_failure(raw: bytes) -> None:
    with suppress(EtcdError):
        assert isinstance(_batch_from_raw("m", raw), Batch)


@pytest.mark.interop
@needs_etcd
async def test_large_backlog_of_a_watch_comes_in_fragments(tmp_path: Path) -> None:
    with an_etcd(tmp_path) as cluster:
        async with a_client(*cluster.endpoints) as client:
            for number in range(1000):
                await client.put(b"p/%d" % number, bytes(5000), 0)

            seen, revisions = 0, []
            async with aclosing(
                client.watch(b"p/", 1, cluster.members[0].endpoint)
            ) as watch:
                while seen < 1000:
                    batch = await anext(watch)
                    seen += len(batch.keys)
                    revisions.append(batch.revision)

    assert seen == 1000
    assert len(revisions) > 3  # 5 MB, in messages of 2 MB at most
    assert revisions == sorted(revisions)


@pytest.mark.interop
@needs_etcd
async def test_members_that_die_or_hang_are_left_for_others(tmp_path: Path) -> None:
    async def put(client: EtcdClient, key: bytes) -> None:
        """Until it is known to be there; a failure leaves that open."""
        while True:
            try:
                await client.put(key, b"1", 0)
            except EtcdError:
                await asyncio.sleep(0.1)
            else:
                return

    with an_etcd(tmp_path, 3) as cluster:
        async with a_client(*cluster.endpoints) as client, asyncio.timeout(30):
            dead, hung, _ = cluster.members
            dead.kill()
            await put(client, b"p/1")
            dead.start()
            cluster.wait()
            hung.send(signal.SIGSTOP)
            await put(client, b"p/2")
            hung.send(signal.SIGCONT)

            [page] = [page async for page in client.pages(b"p/")]

    assert [stored.key for stored in page.keys] == [b"p/1", b"p/2"]


async def test_large_values_of_others_are_read_in_smaller_pages() -> None:
    limits = []

    def answer(raw: bytes) -> bytes:
        request = pb.RangeRequest.FromString(raw)
        limits.append(request.limit)
        size = MESSAGE_BYTES_MAX // 20
        keys = [b"p/%d" % n for n in range(60) if b"p/%d" % n >= request.key]
        keys = sorted(keys)[: request.limit]
        kvs = [pb.KeyValue(key=k, value=b"x" * size, mod_revision=1) for k in keys]
        reply = pb.RangeResponse(kvs=kvs, more=keys[-1] != b"p/9")
        return reply.SerializeToString()

    async with a_member(answer) as member, a_client(member) as client:
        pages = [page async for page in client.pages(b"p/")]

    assert sum(len(page.keys) for page in pages) == 60
    assert limits[0] > limits[-1] >= 1
