import asyncio
import logging

import grpc
import pytest

from discovery.api import cluster_pb2 as pb
from discovery.service.admission import Admission
from discovery.service.call import Call
from discovery.service.client_address import HeaderTrust
from discovery.service.outlets import LARGE_BYTES, OUTLETS
from discovery.service.refusal import Exhausted, InvalidRequest, WatcherStalled
from discovery.state.rate_limit import RateLimiter
from tests.fakes.calls import Aborted, FakeContext, some_interceptors

Code = grpc.StatusCode
CALL = Call("Watch", None)


async def answer(raw: bytes, call: Call) -> str:
    return f"{raw.decode()} from {call.address}"


async def refuse(raw: bytes, call: Call) -> str:
    raise InvalidRequest("this is why")


async def break_down(raw: bytes, call: Call) -> str:
    raise ZeroDivisionError("a detail of ours")


async def test_answer_is_given_the_request_and_knows_who_called() -> None:
    reply = await some_interceptors().run("Hello", answer, FakeContext(b"hello"))

    assert reply == "hello from 192.0.2.1"


async def test_trusted_header_says_who_called() -> None:
    interceptors = some_interceptors(trust=HeaderTrust(x_real_ip=True))

    assert await interceptors.run("Hello", answer, FakeContext()) == (
        " from 198.51.100.9"
    )


async def test_refusal_is_its_status_with_its_reason() -> None:
    context = FakeContext()

    with pytest.raises(Aborted):
        await some_interceptors().run("Hello", refuse, context)

    assert context.status == (Code.INVALID_ARGUMENT, "this is why")


async def test_mistake_of_ours_is_internal_and_tells_no_detail() -> None:
    context = FakeContext()

    with pytest.raises(Aborted):
        await some_interceptors().run("Hello", break_down, context)

    assert context.status == (Code.INTERNAL, "internal error")


async def test_call_without_a_request_is_internal() -> None:
    context = FakeContext()
    await context.read()

    with pytest.raises(Aborted):
        await some_interceptors().run("Hello", answer, context)

    assert context.status is not None
    assert context.status[0] is Code.INTERNAL


async def test_request_that_does_not_come_is_not_waited_for_for_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("discovery.service.interceptors.REQUEST_S", 0.01)
    context = FakeContext()
    context.read = asyncio.Event().wait

    with pytest.raises(Aborted):
        await some_interceptors().run("Hello", answer, context)

    assert context.status == (Code.INTERNAL, "no request within 0 s")


async def test_call_that_cannot_wait_for_its_turn_is_refused_unread() -> None:
    interceptors = some_interceptors(rate_per_s=1)
    await interceptors.run("Hello", answer, FakeContext())
    context = FakeContext(b"large", remaining_s=0.5)

    with pytest.raises(Aborted):
        await interceptors.run("List", answer, context)

    assert context.status is not None
    assert context.status[0] is Code.RESOURCE_EXHAUSTED
    assert await context.read() == b"large"


async def test_call_cancelled_while_waiting_gives_its_turn_back() -> None:
    limiter = RateLimiter(0.1, 1)
    interceptors = some_interceptors(limiter=limiter)
    await interceptors.run("Hello", answer, FakeContext())
    waiting = asyncio.create_task(interceptors.run("Hello", answer, FakeContext()))
    await asyncio.sleep(0)

    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting

    assert limiter.reserve(bytes([192, 0, 2, 1]), 0) == 10 * 10**9


async def test_cluster_that_is_not_served_is_refused_and_counted() -> None:
    interceptors = some_interceptors(
        admission=Admission(read_allowed=lambda: frozenset(["mine"]))
    )
    context = FakeContext(pb.ListRequest(cluster_id="other").SerializeToString())

    with pytest.raises(Aborted):
        await interceptors.run("List", answer, context)

    assert context.status is not None
    assert context.status[0] is Code.PERMISSION_DENIED
    assert interceptors.metrics.calls_not_admitted == 1


async def test_watcher_that_does_not_read_is_stalled() -> None:
    clock = [0]
    interceptors = some_interceptors(clock=clock)
    context = FakeContext()
    context.is_reading.clear()
    sending = asyncio.create_task(interceptors.send(b"news", CALL, context))
    await asyncio.sleep(0)

    clock[0] = 10**9
    interceptors.stalls.cut_off()

    with pytest.raises(WatcherStalled):
        await sending


@pytest.mark.parametrize("size", [OUTLETS, OUTLETS + 1])
async def test_large_messages_lie_unread_only_so_often(size: int) -> None:
    interceptors = some_interceptors()
    context = FakeContext()
    context.is_reading.clear()
    refused = 0

    async def send() -> None:
        nonlocal refused
        try:
            await interceptors.send(bytes(LARGE_BYTES), CALL, context)
        except Exhausted:
            refused += 1

    async with asyncio.TaskGroup() as group:
        for _ in range(size):
            group.create_task(send())
        await asyncio.sleep(0.05)
        context.is_reading.set()

    assert refused == size - OUTLETS
    assert len(context.messages) == OUTLETS


async def test_outlet_is_back_when_what_was_not_read_is_gone() -> None:
    clock = [0]
    interceptors = some_interceptors(clock=clock)
    context = FakeContext()
    context.is_reading.clear()
    sending = asyncio.create_task(interceptors.send(bytes(LARGE_BYTES), CALL, context))
    await asyncio.sleep(0)

    clock[0] = 10**9
    interceptors.stalls.cut_off()
    with pytest.raises(WatcherStalled):
        await sending
    in_use = len(interceptors.outlets)
    context.is_reading.set()
    await asyncio.sleep(0.01)

    assert (in_use, len(interceptors.outlets)) == (1, 0)


async def test_refused_reply_and_vanished_client_give_their_outlets_back() -> None:
    interceptors = some_interceptors()
    context = FakeContext()
    context.is_reading.clear()

    with pytest.raises(InvalidRequest):
        await interceptors.reply(refuse, b"", CALL, context)
    sending = asyncio.create_task(interceptors.send(bytes(LARGE_BYTES), CALL, context))
    await asyncio.sleep(0)
    sending.cancel()
    await asyncio.wait([sending])
    context.is_reading.set()
    await asyncio.sleep(0.01)

    assert len(interceptors.outlets) == 0


async def test_small_messages_need_no_outlet() -> None:
    interceptors = some_interceptors()
    context = FakeContext()
    for _ in range(OUTLETS):
        await interceptors.outlets.take(None)

    await interceptors.send(b"news", CALL, context)

    assert context.messages == [b"news"]


async def test_large_reply_is_made_only_when_there_is_an_outlet_for_it() -> None:
    interceptors, made = some_interceptors(), []

    async def make(raw: bytes, call: Call) -> bytes:
        made.append(raw)
        return b"reply"

    taken = [await interceptors.outlets.take(None) for _ in range(OUTLETS)]
    with pytest.raises(Exhausted):
        await interceptors.reply(make, b"", CALL, FakeContext())

    assert made == []
    taken[0].release()
    context = FakeContext()
    await interceptors.reply(make, b"", CALL, context)
    assert context.messages == [b"reply"]


async def test_status_waits_for_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("discovery.service.interceptors.STATUS_S", 0.01)
    context = FakeContext()

    async def never(code: grpc.StatusCode, reason: str) -> None:
        await asyncio.Event().wait()

    context.abort = never

    assert await some_interceptors().run("Watch", refuse, context) is None


async def test_calls_and_messages_are_counted() -> None:
    interceptors = some_interceptors()

    await interceptors.run("Hello", answer, FakeContext())
    with pytest.raises(Aborted):
        await interceptors.run("Hello", refuse, FakeContext())

    hello = interceptors.metrics.calls_by_method["Hello"]
    assert (hello.started, hello.received, hello.sent) == (2, 2, 1)
    assert hello.ended_by_code["OK"] == 1
    assert hello.ended_by_code["INVALID_ARGUMENT"] == 1


async def test_calls_refused_by_the_rate_limit_are_not_among_the_calls() -> None:
    # Source: discovery.md 3.3.
    interceptors = some_interceptors(rate_per_s=1)
    await interceptors.run("Hello", answer, FakeContext())

    with pytest.raises(Aborted):
        await interceptors.run("Hello", answer, FakeContext(remaining_s=0.1))

    hello = interceptors.metrics.calls_by_method["Hello"]
    assert (hello.started, sum(hello.ended_by_code.values())) == (1, 1)
    assert interceptors.metrics.calls_not_waited == 1


async def test_what_is_no_call_of_the_api_is_not_among_the_calls() -> None:
    interceptors = some_interceptors()

    await interceptors.run("Health/Watch", answer, FakeContext())

    calls = interceptors.metrics.calls_by_method.values()
    assert sum(call.started for call in calls) == 0


@pytest.mark.parametrize(
    ("level", "lines"),
    [
        pytest.param(logging.DEBUG, ["OK", "INVALID_ARGUMENT"], id="every call"),
        pytest.param(logging.INFO, ["INVALID_ARGUMENT"], id="only refusals"),
    ],
)
async def test_ends_of_calls_are_logged(
    caplog: pytest.LogCaptureFixture, level: int, lines: list[str]
) -> None:
    caplog.set_level(level, "discovery")

    await some_interceptors().run("Hello", answer, FakeContext())
    with pytest.raises(Aborted):
        await some_interceptors().run("Hello", refuse, FakeContext())

    fields = [record.fields for record in caplog.records]
    assert [field["code"] for field in fields] == lines
    peers_are_told = level == logging.DEBUG
    assert all(("peer" in field) == peers_are_told for field in fields)


async def test_flood_of_calls_without_a_turn_does_not_reach_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "discovery")
    interceptors = some_interceptors(rate_per_s=0.01)
    await interceptors.run("Hello", answer, FakeContext())

    for _ in range(10):
        with pytest.raises(Aborted):
            await interceptors.run("Hello", answer, FakeContext(remaining_s=1.0))

    assert caplog.records == []


@pytest.mark.parametrize("body", [refuse, break_down])
async def test_flood_of_failing_calls_writes_so_many_lines_and_counts_the_rest(
    caplog: pytest.LogCaptureFixture, body
) -> None:
    caplog.set_level(logging.INFO, "discovery")
    clock = [0]
    interceptors = some_interceptors(lines_per_s=3, clock=clock)

    for _ in range(100):
        with pytest.raises(Aborted):
            await interceptors.run("Hello", body, FakeContext())
    within_a_second = len(caplog.records)
    clock[0] = 10**9
    with pytest.raises(Aborted):
        await interceptors.run("Hello", refuse, FakeContext())

    assert within_a_second == 3
    assert caplog.records[-1].fields["suppressed"] > 90
