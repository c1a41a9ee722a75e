"""What surrounds every call: who calls, whether it must wait, how it ended.

Outermost first: log line, rate limit, status for whatever went wrong.

Source: discovery.md 3.4, 3.7.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar, cast

import grpc

from discovery.service.call import PATIENCE_S, Call
from discovery.service.client_address import HeaderTrust, find_client_address
from discovery.service.refusal import Exhausted, Refusal, WatcherStalled
from discovery.state.limits import NS_PER_S, RATE_WAIT_NS_MAX
from discovery.state.rate_limit import RateLimiter

log = logging.getLogger(__name__)
Reply = TypeVar("Reply")
Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"

# A watcher whose connection is alive but that reads nothing for so long is let go.
WATCHER_STALL_S = 60.0
# How long the status of a call may take; to who does not read it would take for ever.
STATUS_S = 1.0
# What must be left of a call's deadline at its turn, or it is not worth the wait.
ANSWER_NS = 10_000_000


@dataclass(frozen=True, slots=True)
class Interceptors:
    """Runs calls.

    Attributes:
        limiter: who must wait.
        trust: which headers say who calls.
        now_ns: monotonic clock.
        stall_s: how long one message to a watcher may take.
    """

    limiter: RateLimiter
    trust: HeaderTrust
    now_ns: Callable[[], int]
    stall_s: float = WATCHER_STALL_S

    async def run(
        self, method: str, body: Callable[[Call], Awaitable[Reply]], context: Context
    ) -> Reply | None:
        """Run one call; end it with a status if it is refused or fails.

        This is the one place where any error at all is caught: the call is lost, the
        service is not.
        """
        call = self._call_from_context(method, context)
        started_ns = self.now_ns()
        code, reason = grpc.StatusCode.CANCELLED, ""
        try:
            await self._wait_for_turn(call, context)
            call.has_turn = True
            reply = await body(call)
            code = grpc.StatusCode.OK
        except Refusal as refusal:
            code, reason = refusal.code, str(refusal)
        except Exception:
            log.exception("call failed", extra={"fields": {"method": method}})
            code, reason = grpc.StatusCode.INTERNAL, "internal error"
        else:
            return reply
        finally:
            _log_call(call, code, reason, self.now_ns() - started_ns)
        await _end(context, code, reason)
        return None

    async def send(self, message: bytes, context: Context) -> None:
        """Send a watcher one message.

        Raises:
            WatcherStalled: it did not read for too long.
        """
        try:
            async with asyncio.timeout(self.stall_s):
                await context.write(message)
        except TimeoutError:
            raise WatcherStalled("the watcher does not read") from None

    async def _wait_for_turn(self, call: Call, context: Context) -> None:
        if call.address is None:
            return
        patience_ns = _patience_ns(context)
        wait_ns = self.limiter.reserve(call.address, self.now_ns(), patience_ns)
        if wait_ns is None:
            raise Exhausted("too many calls from this address")
        if not wait_ns:
            return
        try:
            await asyncio.sleep(wait_ns / NS_PER_S)
        except asyncio.CancelledError:
            self.limiter.give_back(call.address)
            raise

    def _call_from_context(self, method: str, context: Context) -> Call:
        metadata = context.invocation_metadata() or ()
        pairs = ((str(key), value) for key, value in metadata)
        address = find_client_address(context.peer(), pairs, self.trust)
        patience_s = min(PATIENCE_S, _patience_ns(context) / NS_PER_S)
        return Call(method, address, patience_s)


def _patience_ns(context: Context) -> int:
    # the stubs do not know calls without a deadline
    remaining_s = cast("float | None", context.time_remaining())
    if remaining_s is None:
        return RATE_WAIT_NS_MAX
    return int(min(remaining_s, RATE_WAIT_NS_MAX) * NS_PER_S) - ANSWER_NS


async def _end(context: Context, code: grpc.StatusCode, reason: str) -> None:
    """Send the status, without waiting for a client that does not take it."""
    try:
        async with asyncio.timeout(STATUS_S):
            await context.abort(code, reason)
    except TimeoutError:
        return


def _log_call(call: Call, code: grpc.StatusCode, reason: str, took_ns: int) -> None:
    level = _level_of(code) if call.has_turn else logging.DEBUG
    if not log.isEnabledFor(level):
        return
    fields: dict[str, object] = {"method": call.method, "code": code.name}
    fields |= {"duration_s": round(took_ns / NS_PER_S, 6), **call.fields}
    if reason:
        fields["reason"] = reason
    if log.isEnabledFor(logging.DEBUG):
        fields["peer"] = str(call.address)
    log.log(level, "call ended", extra={"fields": fields})


def _level_of(code: grpc.StatusCode) -> int:
    if code in {grpc.StatusCode.OK, grpc.StatusCode.CANCELLED}:
        return logging.DEBUG
    return logging.WARNING if code is grpc.StatusCode.ABORTED else logging.INFO
