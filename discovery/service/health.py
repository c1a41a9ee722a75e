"""The health protocol of gRPC: what load balancers and orchestrators ask.

It answers under the same rate limit as every call, and to so many watchers only.

Source: grpc.health.v1, https://github.com/grpc/grpc/blob/master/doc/health-checking.md
"""

import asyncio
from typing import Any

import grpc
from google.protobuf.message import DecodeError
from grpc_health.v1 import health_pb2

from discovery.service.call import Call
from discovery.service.handlers import SERVICE_NAME, unary_handler
from discovery.service.interceptors import Context, Interceptors
from discovery.service.lifetime import Lifetime
from discovery.service.refusal import Exhausted, NotKnown, UnreadableRequest

HEALTH_SERVICE_NAME = "grpc.health.v1.Health"
# Names that may be asked about: the service as a whole, and the API.
NAMES = ("", SERVICE_NAME)
WATCHES_MAX = 100
LOOK_S = 0.5

Status = health_pb2.HealthCheckResponse


class Health:
    """Answers ``Check`` and ``Watch``.

    Args:
        lifetime: what is told.
    """

    def __init__(self, lifetime: Lifetime) -> None:
        self._lifetime = lifetime
        self._watches = 0

    async def check(self, raw: bytes, _call: Call) -> bytes:
        """Tell whether a service is served now.

        Raises:
            NotKnown: it is none of ours.
        """
        if _name_from_request(raw) not in NAMES:
            raise NotKnown("no such service")
        return self._encode_status(known=True)

    async def watch(self, raw: bytes, context: Context, rules: Interceptors) -> None:
        """Tell at once and at every change, also of a service that is not known.

        Raises:
            Exhausted: too many do this already.
        """
        known = _name_from_request(raw) in NAMES
        if self._watches >= WATCHES_MAX:
            raise Exhausted("too many watch the health of this service")
        self._watches += 1
        try:
            told = b""
            while True:
                status = self._encode_status(known=known)
                if status != told:
                    told = status
                    await rules.stalls.bound(context.write(status))
                await asyncio.sleep(LOOK_S)
        finally:
            self._watches -= 1

    def _encode_status(self, *, known: bool) -> bytes:
        ready = self._lifetime.is_ready
        status = Status.SERVING if ready else Status.NOT_SERVING
        status = status if known else Status.SERVICE_UNKNOWN
        encoded: bytes = Status(status=status).SerializeToString()
        return encoded


def handler_from_health(health: Health, rules: Interceptors) -> grpc.GenericRpcHandler:
    """Return what a gRPC server needs to serve the health protocol."""

    async def watch(_requests: Any, context: Context) -> None:
        async def answer(raw: bytes, _call: Call) -> None:
            await health.watch(raw, context, rules)

        await rules.run("Health/Watch", answer, context)

    handlers = {
        "Check": unary_handler("Health/Check", health.check, rules),
        "Watch": grpc.stream_stream_rpc_method_handler(watch),
    }
    return grpc.method_handlers_generic_handler(HEALTH_SERVICE_NAME, handlers)


def _name_from_request(raw: bytes) -> str:
    try:
        name: str = health_pb2.HealthCheckRequest.FromString(raw).service
    except DecodeError as error:
        raise UnreadableRequest("not a HealthCheckRequest") from error
    return name
