import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from kubespan.drivers import discovery_client
from kubespan.drivers.clock import SystemClock
from kubespan.drivers.discovery import HelloAnswer, Received
from kubespan.drivers.discovery_cache import DiscoveryCache
from kubespan.drivers.discovery_channel import CallFailed, Failure
from kubespan.drivers.discovery_client import DiscoveryClient
from kubespan.drivers.discovery_host import DiscoveryHost, Subscription
from kubespan.drivers.discovery_outlet import DiscoveryOutlet
from kubespan.drivers.discovery_seals import DiscoverySeals
from kubespan.model.affiliate import RegistryAffiliate
from kubespan.model.registry import PublicAddress, RegistryStatus
from kubespan.protocol.discovery_records import KeptRecord, SealedRecord, Update
from tests.builders import CLUSTER_ID, NOW_NS, a_service, an_affiliate
from tests.discovery_builders import SECRET, QuickEntropy, until
from tests.fakes.discovery_connection import FakeConnection
from tests.fakes.publisher import FakePublisher

UPDATES = (Update("me", b"sealed"), Update("b", endpoints=(b"e" * 16,)))
LOST = CallFailed("AffiliateUpdate", "connection closed")
REFUSED = CallFailed("AffiliateUpdate", "too many", Failure.REFUSED)
LATE = CallFailed("AffiliateUpdate", "no answer in time", Failure.LATE)


def a_record(node_id: str, hostname: str = "") -> SealedRecord:
    affiliate = an_affiliate(node_id, hostname=hostname)
    update = DiscoverySeals(SECRET).seal_own(affiliate, bytes(12))
    return SealedRecord(node_id, update.data, update.endpoints)


class Bench:
    """One client, its connection, and what it published."""

    def __init__(self, state_dir: Path) -> None:
        self.state_dir = state_dir
        self.connection = FakeConnection()
        self.publisher = FakePublisher()
        self.host = DiscoveryHost(
            clock=SystemClock(),
            entropy=QuickEntropy(),
            state_dir=state_dir,
            environment={},
            connect=self.connection.connect,
            ttl_s=1800,
            client_version="v1.0.0",
        )
        self.client = self.new_client()

    def new_client(self) -> DiscoveryClient:
        subscription = Subscription(a_service(), CLUSTER_ID, SECRET, "me")
        outlet = DiscoveryOutlet("default", self.publisher)
        return DiscoveryClient(subscription, self.host, outlet)

    @property
    def cache(self) -> DiscoveryCache:
        return DiscoveryCache(self.state_dir, "default", CLUSTER_ID)

    @property
    def status(self) -> RegistryStatus:
        (status,) = self.publisher.said[RegistryStatus].values()
        assert isinstance(status, RegistryStatus)
        return status

    @property
    def known(self) -> list[str]:
        return sorted(self.publisher.said[RegistryAffiliate])

    def receive(self, *records: SealedRecord, deleted: bool = False) -> None:
        self.connection.messages.put_nowait(Received(records, deleted))

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        self.client.begin()
        async with asyncio.TaskGroup() as group:
            task = group.create_task(self.client.run())
            try:
                yield
            finally:
                task.cancel()


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


@pytest.mark.checklist(27)
async def test_calls_come_in_the_order_of_the_protocol(bench: Bench):
    bench.client.change_local(UPDATES)
    bench.receive()

    async with bench.running():
        await until(lambda: bench.status.last_push_ns)

    assert bench.connection.calls == [
        *("connect", "hello", "watch", "update me", "update b", "close"),
    ]
    assert bench.connection.targets[0].endpoint == "discovery.example:443"
    assert bench.connection.targets[0].plaintext is False


async def test_status_tells_of_the_next_attempt_and_it_stays_the_same(bench: Bench):
    bench.connection.fail["hello"] = CallFailed("Hello", "connection refused")

    async with bench.running():
        await until(lambda: bench.status.error)
        first = bench.status
        bench.client.change_local(UPDATES)
        await asyncio.sleep(0.05)

        assert bench.status == first
        assert first.next_attempt_ns > NOW_NS
        assert bench.publisher.notices == {
            "default connection": "default: connection refused"
        }


async def test_connection_that_cannot_be_made_is_tried_again(bench: Bench):
    bench.connection.fail["connect"] = CallFailed("connect", "no PEM certificates")

    async with bench.running():
        await until(lambda: bench.connection.calls.count("connect") == 2)

        assert bench.status.error == "no PEM certificates"


@pytest.mark.parametrize("failure", [LOST, LATE])
async def test_push_without_an_answer_reconnects(bench: Bench, failure: CallFailed):
    bench.connection.fail["update me"] = failure
    bench.client.change_local(UPDATES)
    bench.receive()

    async with bench.running():
        await until(lambda: bench.connection.calls.count("hello") == 2)

    assert "update b" not in bench.connection.calls


async def test_refused_push_leaves_the_watch_alone(bench: Bench):
    bench.connection.fail["update me"] = REFUSED
    bench.client.change_local(UPDATES)
    bench.receive(a_record("b"))

    async with bench.running():
        await until(lambda: bench.connection.calls.count("update me") == 2)

        assert bench.status.connected
        assert bench.status.error == "too many"
        assert bench.connection.calls.count("hello") == 1


@pytest.mark.parametrize("failure", [REFUSED, LATE])
async def test_refused_endpoints_of_others_are_no_reason_to_push_again(
    bench: Bench, failure: CallFailed
):
    bench.connection.fail["update b"] = failure
    bench.client.change_local((*UPDATES, Update("c", endpoints=(b"e" * 16,))))
    bench.receive()

    async with bench.running():
        await until(lambda: bench.status.last_push_ns)

        assert "update c" in bench.connection.calls
        assert "endpoints seen of others" in bench.status.error


async def test_connection_lost_while_pushing_others_reconnects(bench: Bench):
    bench.connection.fail["update b"] = LOST
    bench.client.change_local(UPDATES)
    bench.receive()

    async with bench.running():
        await until(lambda: bench.connection.calls.count("hello") == 2)


async def test_list_that_fails_keeps_the_peer_until_it_succeeds(bench: Bench):
    bench.connection.fail["list"] = CallFailed("List", "unimplemented")
    bench.receive(a_record("b"))
    bench.receive(a_record("b"), deleted=True)

    async with bench.running():
        await until(lambda: "list" in bench.connection.calls)
        await asyncio.sleep(0.05)
        during = bench.known
        bench.connection.fail.clear()
        await until(lambda: not bench.known)

    assert during == ["service/default/b"]


async def test_list_refreshes_what_was_said_to_be_deleted(bench: Bench):
    bench.receive(a_record("b"))
    bench.receive(SealedRecord("b", b""), deleted=True)
    bench.connection.listed = Received((a_record("b", hostname="still here"),))

    async with bench.running():
        await until(lambda: "list" in bench.connection.calls)

        await until(lambda: bench.known == ["service/default/b"])
        (item,) = bench.publisher.said[RegistryAffiliate].values()
        assert isinstance(item, RegistryAffiliate)
        assert item.affiliate.hostname == "still here"


@pytest.mark.checklist(34)
@pytest.mark.parametrize(
    ("client_ip", "expected"),
    [
        pytest.param(b"", [], id="none"),
        pytest.param(b"odd", [], id="nonsense"),
        pytest.param(bytes([198, 51, 100, 7]), ["198.51.100.7"], id="IPv4"),
        pytest.param(bytes(15) + b"\x01", ["::1"], id="IPv6"),
    ],
)
async def test_our_public_address_is_published(
    bench: Bench, client_ip: bytes, expected: list[str]
):
    bench.connection.hello_answer = HelloAnswer("", client_ip)
    bench.receive()

    async with bench.running():
        await until(lambda: bench.status.connected)

    said = bench.publisher.said.get(PublicAddress, {}).values()
    assert [str(item.address) for item in said if isinstance(item, PublicAddress)] == (
        expected
    )


async def test_what_was_heard_is_on_disk_a_moment_later(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(discovery_client, "CACHE_DELAY_S", 0.01)
    bench.receive(a_record("b"))

    async with bench.running():
        await until(bench.cache.path.exists)

        assert bench.cache.load() == (KeptRecord(a_record("b")),)


async def test_what_was_heard_last_is_saved_at_the_end(bench: Bench):
    bench.receive(a_record("b"))

    async with bench.running():
        await until(lambda: bench.known)
        assert not bench.cache.path.exists()

    assert bench.cache.load() == (KeptRecord(a_record("b")),)


async def test_nothing_new_is_not_saved_again(bench: Bench):
    bench.cache.save((KeptRecord(a_record("b")),), 1)
    written = bench.cache.path.stat().st_mtime_ns
    bench.receive(a_record("b"))

    async with bench.running():
        await until(lambda: bench.status.synced)

    assert bench.cache.path.stat().st_mtime_ns == written


async def test_damaged_cache_is_reported_and_ignored(bench: Bench):
    bench.cache.path.write_bytes(b"junk")
    bench.receive(a_record("b"))

    async with bench.running():
        assert "damaged" in bench.publisher.notices["default cache"]
        await until(lambda: bench.known)

    assert bench.cache.load() == (KeptRecord(a_record("b")),)


async def test_disk_that_refuses_is_reported_and_harms_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(discovery_client, "CACHE_DELAY_S", 0.01)
    bench = Bench(tmp_path / "absent")
    bench.receive(a_record("b"))

    async with bench.running():
        await until(lambda: "default cache" in bench.publisher.notices)

        assert bench.known == ["service/default/b"]
        assert bench.status.connected


def test_restart_forgets_who_has_been_missing_for_a_day(bench: Bench):
    bench.host = replace(bench.host, clock=_WallClock())
    hour_ns = 3600 * 10**9
    bench.cache.save(
        (
            KeptRecord(a_record("listed")),
            KeptRecord(a_record("lately"), NOW_NS - 23 * hour_ns),
            KeptRecord(a_record("long"), NOW_NS - 25 * hour_ns),
        ),
        1,
    )

    bench.new_client().begin()

    assert bench.known == ["service/default/lately", "service/default/listed"]


class _WallClock(SystemClock):
    def now_ns(self) -> int:
        return NOW_NS


async def test_large_snapshot_lets_other_tasks_run(bench: Bench):
    records = tuple(a_record(f"node-{number}") for number in range(300))
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    async with bench.running(), asyncio.TaskGroup() as group:
        await until(lambda: "watch" in bench.connection.calls)
        counting = group.create_task(count())
        await asyncio.sleep(0)
        before = turns
        bench.receive(*records)
        while len(bench.publisher.said[RegistryAffiliate]) < len(records):
            await asyncio.sleep(0)

        assert turns - before >= 4
        counting.cancel()


async def test_same_bytes_are_not_opened_again(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
):
    opened = []
    original = DiscoverySeals.open

    def open_and_note(self: DiscoverySeals, sealed: SealedRecord):
        opened.append(sealed.affiliate_id)
        return original(self, sealed)

    monkeypatch.setattr(DiscoverySeals, "open", open_and_note)
    bench.receive(a_record("b"), a_record("c"))
    bench.receive(a_record("b"))

    async with bench.running():
        await until(lambda: bench.connection.messages.empty() and bench.known)

    assert opened == ["b", "c"]


@pytest.mark.checklist(37)
async def test_deletion_is_confirmed(bench: Bench):
    bench.client.change_local(UPDATES)
    bench.receive()

    async with bench.running():
        await until(lambda: bench.status.last_push_ns)
        bench.client.delete_local()
        async with asyncio.timeout(2):
            await bench.client.deleted.wait()

    assert bench.connection.calls[-2:] == ["delete me", "close"]
