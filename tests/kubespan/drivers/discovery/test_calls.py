import asyncio
from pathlib import Path

import pytest

from kubespan.drivers.discovery.channel import CallFailed, Failure
from kubespan.drivers.discovery.seals import DiscoverySeals
from kubespan.drivers.discovery.service import HelloAnswer, Received
from kubespan.model.affiliate import RegistryAffiliate
from kubespan.model.registry import PublicAddress
from kubespan.protocol.discovery_records import SealedRecord, Update
from tests.discovery_bench import UPDATES, Bench, a_record
from tests.discovery_builders import until

LOST = CallFailed("AffiliateUpdate", "connection closed")
REFUSED = CallFailed("AffiliateUpdate", "too many", Failure.REFUSED)
LATE = CallFailed("AffiliateUpdate", "no answer in time", Failure.LATE)


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
