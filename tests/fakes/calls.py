"""A call as gRPC gives it, and interceptors to run it."""

import asyncio

import grpc

from discovery.metrics.metrics import Metrics
from discovery.service.admission import Admission
from discovery.service.client_address import HeaderTrust
from discovery.service.interceptors import Interceptors
from discovery.service.log_budget import LogBudget
from discovery.service.outlets import Outlets
from discovery.service.stalls import Stalls
from discovery.service.turns import Turns
from discovery.state.rate_limit import RateLimiter


class Aborted(Exception):  # noqa: N818 - what gRPC raises to end a call
    pass


class FakeContext:
    """One call: what it sends, what it was sent, the status it ended with."""

    def __init__(
        self,
        *requests: bytes,
        peer: str = "ipv4:192.0.2.1:5",
        remaining_s: float | None = None,
        metadata: tuple[tuple[str, str], ...] = (("x-real-ip", "198.51.100.9"),),
    ) -> None:
        self.status: tuple[grpc.StatusCode, str] | None = None
        self.messages: list[bytes] = []
        self.is_reading = asyncio.Event()
        self.is_reading.set()
        self._requests = list(requests or (b"",))
        self._peer = peer
        self._remaining_s = remaining_s
        self._metadata = metadata

    def peer(self) -> str:
        return self._peer

    def invocation_metadata(self) -> tuple[tuple[str, str], ...]:
        return self._metadata

    def time_remaining(self) -> float | None:
        return self._remaining_s

    async def abort(self, code: grpc.StatusCode, reason: str) -> None:
        self.status = (code, reason)
        raise Aborted

    async def read(self) -> object:
        return self._requests.pop(0) if self._requests else grpc.aio.EOF

    async def write(self, message: bytes) -> None:
        await self.is_reading.wait()
        self.messages.append(message)


def some_interceptors(
    *,
    rate_per_s: float = 0,
    burst: int = 1,
    trust: HeaderTrust | None = None,
    admission: Admission | None = None,
    limiter: RateLimiter | None = None,
    clock: list[int] | None = None,
    lines_per_s: int = 1000,
) -> Interceptors:
    """Interceptors whose clock is a list of one instant, and stands still."""
    now = [0] if clock is None else clock
    limiter = RateLimiter(rate_per_s, burst) if limiter is None else limiter
    metrics = Metrics()
    return Interceptors(
        Turns(limiter, lambda: now[0], metrics),
        trust or HeaderTrust(),
        admission or Admission(),
        Stalls(0.01, lambda: now[0]),
        Outlets(0.01),
        metrics,
        LogBudget(lines_per_s, lambda: now[0]),
        lambda: now[0],
    )
