"""What surrounds every call: who calls, whether it must wait, how it ended.

Outermost first: log line, status for whatever went wrong, rate limit, counting, reading
the request, admission. A request is read only at its turn, so that who floods the
service with large ones does not fill its memory with them.

Source: discovery.md 3.3, 3.4, 3.7.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar, cast

import grpc

from discovery.metrics.metrics import TYPE_BY_METHOD, Metrics
from discovery.service.admission import Admission
from discovery.service.call import PATIENCE_S, Call
from discovery.service.client_address import HeaderTrust, Metadata, find_client_address
from discovery.service.log_budget import LogBudget
from discovery.service.outlets import LARGE_BYTES, Outlet, Outlets
from discovery.service.refusal import (
    NotAdmitted,
    Refusal,
    UnreadableRequest,
    WatcherStalled,
)
from discovery.service.stalls import Stalls
from discovery.service.turns import Turns
from discovery.state.limits import GIVEN_UP_S, NS_PER_S, RATE_WAIT_NS_MAX

log = logging.getLogger(__name__)
Reply = TypeVar("Reply")
Answer = Callable[[bytes, Call], Awaitable[Reply]]
Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"

# How long a client may take to send its request.
REQUEST_S = 10.0
# How long the status of a call may take; to who does not read it would take for ever.
STATUS_S = 1.0
# What must be left of a call's deadline at its turn, or it is not worth the wait.
ANSWER_NS = 10_000_000


@dataclass(frozen=True, slots=True)
class Interceptors:
    """Runs calls.

    Attributes:
        turns: who must wait.
        trust: which headers say who calls.
        admission: which clusters are served.
        stalls: who does not read.
        outlets: how much a client may leave unread.
        metrics: counts calls and messages.
        budget: how much failing calls may write into the log.
        now_ns: monotonic clock.
    """

    turns: Turns
    trust: HeaderTrust
    admission: Admission
    stalls: Stalls
    outlets: Outlets
    metrics: Metrics
    budget: LogBudget
    now_ns: Callable[[], int]

    async def run(
        self, method: str, answer: Answer[Reply], context: Context
    ) -> Reply | None:
        """Run one call; end it with a status if it is refused or fails.

        This is the one place where any error at all is caught: the call is lost, the
        service is not.
        """
        metadata = _metadata_from_context(context)
        call = self._call_from_context(method, context, metadata)
        code, reason = grpc.StatusCode.CANCELLED, ""
        try:
            raw = await self._wait_for_request(call, context, metadata)
            reply = await answer(raw, call)
            code = grpc.StatusCode.OK
        except Refusal as refusal:
            code, reason = refusal.code, str(refusal)
        except Exception as error:  # noqa: BLE001 - see above
            self._log_mistake(call, error)
            code, reason = grpc.StatusCode.INTERNAL, "internal error"
        else:
            return reply
        finally:
            self._end_call(call, code, reason)
        await _send_status(context, code, reason)
        return None

    async def send(self, message: bytes, call: Call, context: Context) -> None:
        """Send a watcher one message.

        Raises:
            WatcherStalled: it did not read for too long.
            Exhausted: it leaves too much unread.
        """
        if len(message) < LARGE_BYTES:
            await self._bound(context.write(message))
        else:
            outlet = await self.outlets.take(call.address)
            await self._write_large(message, outlet, context)
        self.metrics.message_sent("Watch")

    async def reply(
        self, answer: Answer[bytes], raw: bytes, call: Call, context: Context
    ) -> None:
        """Answer a call whose reply may be large.

        It is made only when there is an outlet for it.

        Raises:
            WatcherStalled: the client did not read for too long.
            Exhausted: it leaves too much unread.
        """
        outlet = await self.outlets.take(call.address)
        try:
            message = await answer(raw, call)
        except BaseException:
            outlet.release()
            raise
        await self._write_large(message, outlet, context)

    async def _write_large(
        self, message: bytes, outlet: Outlet, context: Context
    ) -> None:
        """Write, and give the outlet back when nothing of it is left with us.

        gRPC keeps what is not read until the call itself is ended, which is some time
        after it is cut off; so the writing goes on meanwhile.
        """
        writing = asyncio.ensure_future(context.write(message))  # noqa: TID251 - outlives its call
        writing.add_done_callback(lambda ended: _give_back(outlet, ended))
        try:
            await self._bound(asyncio.shield(writing))
        except WatcherStalled:
            asyncio.get_running_loop().call_later(GIVEN_UP_S, writing.cancel)
            raise

    async def _bound(self, sending: Awaitable[None]) -> None:
        try:
            await self.stalls.bound(sending)
        except WatcherStalled:
            self.metrics.watcher_stalled()
            raise

    async def _wait_for_request(
        self, call: Call, context: Context, metadata: Metadata
    ) -> bytes:
        await self.turns.wait(call.address, _patience_ns(context))
        call.turn_ns = self.now_ns()
        is_counted = call.method in TYPE_BY_METHOD
        if is_counted:
            self.metrics.call_started(call.method)
        raw = await _receive(context)
        if is_counted:
            self.metrics.message_received(call.method)
        try:
            self.admission.admit(raw, metadata)
        except NotAdmitted:
            self.metrics.call_not_admitted()
            raise
        return raw

    def _call_from_context(
        self, method: str, context: Context, metadata: Metadata
    ) -> Call:
        address = find_client_address(context.peer(), metadata, self.trust)
        patience_s = min(PATIENCE_S, _patience_ns(context) / NS_PER_S)
        return Call(method, address, patience_s)

    def _end_call(self, call: Call, code: grpc.StatusCode, reason: str) -> None:
        """Count a call and log it, if it had its turn.

        What was refused at the door is told at the level debug alone.
        """
        took_s = 0.0
        if call.turn_ns is not None:
            took_s = (self.now_ns() - call.turn_ns) / NS_PER_S
            self._count_end(call, code, took_s)
        level = _level_of(code) if call.turn_ns is not None else logging.DEBUG
        if not log.isEnabledFor(level):
            return
        fields: dict[str, object] = {"method": call.method, "code": code.name}
        fields |= {"duration_s": round(took_s, 6), **call.fields}
        if reason:
            fields["reason"] = reason
        if log.isEnabledFor(logging.DEBUG):
            fields["peer"] = str(call.address)
        elif not self.budget.take():
            return
        if suppressed := self.budget.take_suppressed():
            fields["suppressed"] = suppressed
        log.log(level, "call ended", extra={"fields": fields})

    def _count_end(self, call: Call, code: grpc.StatusCode, took_s: float) -> None:
        if call.method not in TYPE_BY_METHOD:
            return
        self.metrics.call_ended(call.method, code.name, took_s)
        if code is grpc.StatusCode.OK and TYPE_BY_METHOD[call.method] == "unary":
            self.metrics.message_sent(call.method)

    def _log_mistake(self, call: Call, error: Exception) -> None:
        """Log an exception; if it is provoked again and again, not always."""
        if self.budget.take():
            fields = {"method": call.method}
            log.error("call failed", extra={"fields": fields}, exc_info=error)


def _give_back(outlet: Outlet, writing: asyncio.Future[None]) -> None:
    if not writing.cancelled():
        writing.exception()  # seen: the client is gone, nobody else would ask
    outlet.release()


def _metadata_from_context(context: Context) -> Metadata:
    found = context.invocation_metadata() or ()
    return [(str(key), value) for key, value in found]


def _patience_ns(context: Context) -> int:
    # the stubs do not know calls without a deadline
    remaining_s = cast("float | None", context.time_remaining())
    if remaining_s is None:
        return RATE_WAIT_NS_MAX
    return int(min(remaining_s, RATE_WAIT_NS_MAX) * NS_PER_S) - ANSWER_NS


async def _receive(context: Context) -> bytes:
    """Read the request.

    One that is too large has been answered by gRPC already, with RESOURCE_EXHAUSTED.

    Raises:
        UnreadableRequest: none came, or it was too large or too slow.
    """
    try:
        async with asyncio.timeout(REQUEST_S):
            raw = await context.read()
    except TimeoutError:
        raise UnreadableRequest(f"no request within {REQUEST_S:.0f} s") from None
    if not isinstance(raw, bytes):
        raise UnreadableRequest("no request, or one that is too large")
    return raw


async def _send_status(context: Context, code: grpc.StatusCode, reason: str) -> None:
    """Send the status, without waiting for a client that does not take it.

    Where the very first message of a watch is still unread, gRPC takes no status.
    """
    try:
        async with asyncio.timeout(STATUS_S):
            await context.abort(code, reason)
    except (TimeoutError, grpc.aio.InternalError):
        return


def _level_of(code: grpc.StatusCode) -> int:
    if code in {grpc.StatusCode.OK, grpc.StatusCode.CANCELLED}:
        return logging.DEBUG
    return logging.WARNING if code is grpc.StatusCode.ABORTED else logging.INFO
