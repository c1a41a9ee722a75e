import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import grpc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from discovery.api import cluster_pb2 as pb
from kubespan.drivers.discovery.channel import CallFailed, Failure, Target
from kubespan.drivers.discovery.service import (
    DiscoveryConnection,
    HelloAnswer,
    Received,
    connect,
    received_from_bytes,
)
from kubespan.protocol.discovery_records import SealedRecord, Update
from tests.discovery.running import a_service
from tests.fakes.discovery_service import FakeDiscoveryService

RECORD = SealedRecord("a", b"sealed", (b"1" * 16, b"2" * 32))


@asynccontextmanager
async def connected(endpoint: str) -> AsyncIterator[DiscoveryConnection]:
    connection = connect(Target(endpoint, True, "", 1800), "cluster1", {})
    try:
        yield connection
    finally:
        await connection.close()


@asynccontextmanager
async def a_fake() -> AsyncIterator[tuple[FakeDiscoveryService, DiscoveryConnection]]:
    async with (
        FakeDiscoveryService().serving() as service,
        connected(service.endpoint) as connection,
    ):
        yield service, connection


async def test_five_calls_work_on_a_real_service():
    async with a_service() as endpoint, connected(endpoint) as connection:
        hello = await connection.hello("v1.0.0", 5)
        watch = connection.watch()
        snapshot = await anext(watch)
        await connection.update(Update("a", b"sealed", (b"1" * 16,)), 5)
        update = await anext(watch)
        listed = await connection.list_all(5)
        await connection.delete("a", 5)
        deletion = await anext(watch)
        await watch.aclose()

    stored = SealedRecord("a", b"sealed", (b"1" * 16,))
    assert hello == HelloAnswer("", bytes([127, 0, 0, 1]))
    assert snapshot == Received(())
    assert update == listed == Received((stored,))
    assert deletion == Received((SealedRecord("a", b""),), deleted=True)


@pytest.mark.checklist(22)
async def test_requests_are_those_of_the_specification():
    blob = bytes.fromhex("b0923fefb589d66d1fb3fb962e3fdb95")
    async with a_fake() as (service, connection):
        await connection.hello("v1.14.0", 5)
        await connection.update(Update("node-b", endpoints=(blob,)), 5)

    # kubespan.md 3.4, "Other vectors"
    assert service.hellos[0].SerializeToString().hex() == (
        "0a08636c757374657231120776312e31342e30"
    )
    assert service.updates[0].SerializeToString().hex() == (
        "0a08636c75737465723112066e6f64652d622210"
        "b0923fefb589d66d1fb3fb962e3fdb952a0308880e"
    )


async def test_redirect_is_passed_on():
    async with a_fake() as (service, connection):
        service.redirect = "elsewhere.example:443"

        answer = await connection.hello("v1.0.0", 5)

        assert answer.redirect == "elsewhere.example:443"


CALLS = {
    "Hello": lambda connection: connection.hello("v1.0.0", 5),
    "List": lambda connection: connection.list_all(5),
    "Watch": lambda connection: anext(connection.watch()),
}


@pytest.mark.parametrize("call", CALLS)
async def test_answer_that_makes_no_sense_is_a_failed_call(call: str):
    async with a_fake() as (service, connection):
        service.answers[call] = b"\xff\xff\xff"

        with pytest.raises(CallFailed, match="makes no sense"):
            await CALLS[call](connection)


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (grpc.StatusCode.INVALID_ARGUMENT, Failure.REFUSED),
        (grpc.StatusCode.RESOURCE_EXHAUSTED, Failure.REFUSED),
        (grpc.StatusCode.INTERNAL, Failure.LOST),
    ],
)
async def test_refusal_tells_whether_the_connection_is_still_good(
    code: grpc.StatusCode, kind: Failure
):
    async with a_fake() as (service, connection):
        service.refuse["AffiliateUpdate"] = code

        with pytest.raises(CallFailed) as caught:
            await connection.update(Update("a", b"d"), 5)

        assert caught.value.kind is kind


async def test_call_without_an_answer_ends_at_its_deadline():
    async with a_fake() as (service, connection):
        service.answer = _never  # type: ignore[method-assign] # that is the point

        with pytest.raises(CallFailed) as caught:
            await connection.hello("v1.0.0", 0.2)

        assert caught.value.kind is Failure.LATE


async def _never(*_: object) -> bytes:
    await asyncio.sleep(60)
    return b""


async def test_watch_that_ends_well_just_ends():
    async with a_fake() as (service, connection):
        watch = connection.watch()
        await anext(watch)

        service.end_watches()

        assert [received async for received in watch] == []


async def test_closed_connection_fails_calls_and_raises_nothing_else():
    async with a_fake() as (_service, connection):
        await connection.close()

        with pytest.raises(CallFailed):
            await connection.hello("v1.0.0", 5)


async def test_snapshot_beyond_the_default_limit_of_4_mib_is_received():
    records = [pb.Affiliate(id=f"{n}", data=bytes(2048)) for n in range(2500)]
    raw = pb.WatchResponse(affiliates=records).SerializeToString()
    async with a_fake() as (service, connection):
        service.answers["Watch"] = raw
        watch = connection.watch()

        received = await anext(watch)

        assert len(raw) > 4 << 20
        assert len(received.records) == 2500
        await watch.aclose()


def test_record_whose_id_is_no_utf8_spoils_no_other():
    # Some services store such IDs and pass them on (discovery.md 2.8).
    good = pb.Affiliate(id="a", data=b"sealed", endpoints=RECORD.endpoints)
    odd = b"\x0a\x02\xff\xfe\x12\x01d"
    message = pb.WatchResponse(affiliates=[good]).SerializeToString()

    received = received_from_bytes(b"\x0a" + bytes([len(odd)]) + odd + message)

    assert received == Received((RECORD,), unreadable=1)


@pytest.mark.parametrize("affiliate_id", ["", "x" * 257])
def test_ids_no_service_should_accept_are_counted(affiliate_id: str):
    odd = pb.Affiliate(id=affiliate_id, data=b"d")
    good = pb.Affiliate(id="a", data=b"sealed", endpoints=RECORD.endpoints)
    raw = pb.WatchResponse(affiliates=[odd, good]).SerializeToString()

    assert received_from_bytes(raw) == Received((RECORD,), unreadable=1)


def test_flood_of_records_is_cut_off():
    records = [pb.Affiliate(id=str(number)) for number in range(5000)]
    raw = pb.WatchResponse(affiliates=records).SerializeToString()

    assert len(received_from_bytes(raw).records) == 4096


@given(st.binary(max_size=200))
def test_no_bytes_can_break_the_watch(raw: bytes):
    try:
        received = received_from_bytes(raw)
    except CallFailed:
        return

    for record in received.records:
        assert 1 <= len(record.affiliate_id.encode()) <= 256


AFFILIATES = st.builds(
    pb.Affiliate,
    id=st.text(max_size=5),
    data=st.binary(max_size=20),
    endpoints=st.lists(st.binary(max_size=5), max_size=3),
)


@given(st.lists(AFFILIATES, max_size=4), st.booleans(), st.integers(0, 60), st.binary())
def test_no_damage_to_a_message_can_break_the_watch(
    affiliates: list[pb.Affiliate], deleted: bool, position: int, junk: bytes
):
    raw = pb.WatchResponse(affiliates=affiliates, deleted=deleted).SerializeToString()
    with suppress(CallFailed):
        received_from_bytes(raw[:position] + junk + raw[position + 1 :])
