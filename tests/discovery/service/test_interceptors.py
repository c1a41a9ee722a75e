import asyncio
import logging

import grpc
import pytest

from discovery.service.call import Call
from discovery.service.client_address import HeaderTrust
from discovery.service.interceptors import Interceptors
from discovery.service.refusal import InvalidRequest, WatcherStalled
from discovery.state.rate_limit import RateLimiter


class Aborted(Exception):  # noqa: N818 - what gRPC raises to end a call
    pass


class FakeContext:
    """A call as gRPC gives it; remembers the status it ended with."""

    def __init__(self, peer: str = "ipv4:192.0.2.1:5", remaining_s=None) -> None:
        self.status: tuple[grpc.StatusCode, str] | None = None
        self._peer = peer
        self._remaining_s = remaining_s
        self.reads = asyncio.Event()

    def peer(self) -> str:
        return self._peer

    def invocation_metadata(self) -> tuple[tuple[str, str], ...]:
        return (("x-real-ip", "198.51.100.9"),)

    def time_remaining(self) -> float | None:
        return self._remaining_s

    async def abort(self, code: grpc.StatusCode, reason: str) -> None:
        self.status = (code, reason)
        raise Aborted

    async def write(self, message: bytes) -> None:
        await self.reads.wait()


def some_interceptors(
    rate_per_s: float = 0, burst: int = 1, trust: HeaderTrust | None = None
) -> Interceptors:
    return Interceptors(
        RateLimiter(rate_per_s, burst), trust or HeaderTrust(), lambda: 0, stall_s=0.01
    )


async def answer(call: Call) -> str:
    return str(call.address)


async def refuse(call: Call) -> str:
    raise InvalidRequest("this is why")


async def break_down(call: Call) -> str:
    raise ZeroDivisionError("a detail of ours")


async def test_answer_passes_and_knows_who_called() -> None:
    reply = await some_interceptors().run("Hello", answer, FakeContext())

    assert reply == "192.0.2.1"


async def test_trusted_header_says_who_called() -> None:
    interceptors = some_interceptors(trust=HeaderTrust(x_real_ip=True))

    assert await interceptors.run("Hello", answer, FakeContext()) == "198.51.100.9"


async def test_refusal_is_its_status_with_its_reason() -> None:
    context = FakeContext()

    with pytest.raises(Aborted):
        await some_interceptors().run("Hello", refuse, context)

    assert context.status == (grpc.StatusCode.INVALID_ARGUMENT, "this is why")


async def test_mistake_of_ours_is_internal_and_tells_no_detail() -> None:
    context = FakeContext()

    with pytest.raises(Aborted):
        await some_interceptors().run("Hello", break_down, context)

    assert context.status == (grpc.StatusCode.INTERNAL, "internal error")


async def test_call_that_cannot_wait_for_its_turn_is_refused() -> None:
    interceptors = some_interceptors(rate_per_s=1)
    await interceptors.run("Hello", answer, FakeContext())
    context = FakeContext(remaining_s=0.5)

    with pytest.raises(Aborted):
        await interceptors.run("List", answer, context)

    assert context.status is not None
    assert context.status[0] is grpc.StatusCode.RESOURCE_EXHAUSTED


async def test_call_that_can_wait_waits() -> None:
    interceptors = some_interceptors(rate_per_s=200)

    for _ in range(3):
        await interceptors.run("Hello", answer, FakeContext())
    reply = await interceptors.run("Hello", answer, FakeContext(remaining_s=10.0))

    assert reply == "192.0.2.1"


async def test_caller_without_an_address_is_not_limited() -> None:
    interceptors = some_interceptors(rate_per_s=0.001)

    replies = {
        await interceptors.run("Hello", answer, FakeContext(peer="unix:"))
        for _ in range(5)
    }

    assert replies == {"None"}


async def test_call_cancelled_while_waiting_gives_its_turn_back() -> None:
    interceptors = some_interceptors(rate_per_s=0.1)
    await interceptors.run("Hello", answer, FakeContext())
    waiting = asyncio.create_task(interceptors.run("Hello", answer, FakeContext()))
    await asyncio.sleep(0)

    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting

    address = (await _noted_address(interceptors)).address
    assert interceptors.limiter.reserve(address, 0) == 10 * 10**9


async def _noted_address(interceptors: Interceptors) -> Call:
    return interceptors._call_from_context("Hello", FakeContext())


async def test_watcher_that_does_not_read_is_stalled() -> None:
    with pytest.raises(WatcherStalled):
        await some_interceptors().send(b"news", FakeContext())


async def test_status_waits_for_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("discovery.service.interceptors.STATUS_S", 0.01)
    context = FakeContext()

    async def never(code: grpc.StatusCode, reason: str) -> None:
        await asyncio.Event().wait()

    context.abort = never

    assert await some_interceptors().run("Watch", refuse, context) is None


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


async def test_flood_of_calls_does_not_flood_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "discovery")
    interceptors = some_interceptors(rate_per_s=0.01)
    await interceptors.run("Hello", answer, FakeContext())

    for _ in range(10):
        with pytest.raises(Aborted):
            await interceptors.run("Hello", answer, FakeContext(remaining_s=1.0))

    assert caplog.records == []
