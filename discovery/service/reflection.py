"""Tells tools such as grpcurl what can be called here.

The versions v1 and v1alpha of the protocol are the same on the wire but for the name.

Source: grpc.reflection.v1.ServerReflection.
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import grpc
from google.protobuf import descriptor_pool, duration_pb2
from google.protobuf.message import DecodeError
from grpc_health.v1 import health_pb2
from grpc_reflection.v1alpha import reflection_pb2
from grpc_reflection.v1alpha.reflection import aio as reflection

from discovery.api import cluster_pb2
from discovery.service.call import Call
from discovery.service.handlers import SERVICE_NAME, Handler
from discovery.service.health import HEALTH_SERVICE_NAME
from discovery.service.interceptors import Context, Interceptors
from discovery.service.refusal import Exhausted, UnreadableRequest

REFLECTION_NAMES = (
    "grpc.reflection.v1.ServerReflection",
    "grpc.reflection.v1alpha.ServerReflection",
)
# A tool asks a few questions in one call and goes; these bound who only pretends to.
CALLS_MAX = 20
QUESTIONS_MAX = 200
QUESTION_S = 10.0

_FILES = (duration_pb2, cluster_pb2, health_pb2, reflection_pb2)


class Reflection:
    """Answers questions about our own messages and services, and no others."""

    def __init__(self) -> None:
        pool = descriptor_pool.DescriptorPool()
        for file in _FILES:
            pool.AddSerializedFile(file.DESCRIPTOR.serialized_pb)
        names = (SERVICE_NAME, HEALTH_SERVICE_NAME, *REFLECTION_NAMES)
        self._answers = reflection.ReflectionServicer(names, pool=pool)
        self._calls = 0

    async def answer(self, raw: bytes, context: Context, rules: Interceptors) -> None:
        """Answer the questions of one call.

        Raises:
            Exhausted: too many ask at once.
            UnreadableRequest: a question is no message.
        """
        if self._calls >= CALLS_MAX:
            raise Exhausted("too many ask what can be called here")
        self._calls += 1
        try:
            questions = _read_questions(raw, context)
            async for reply in self._answers.ServerReflectionInfo(questions, context):
                await rules.stalls.bound(context.write(reply.SerializeToString()))
        finally:
            self._calls -= 1


def handlers_from_reflection(
    reflection: Reflection, rules: Interceptors
) -> tuple[grpc.GenericRpcHandler, ...]:
    """Return what a gRPC server needs to serve both versions of the protocol."""

    async def handle(_requests: Any, context: Context) -> None:
        async def answer(raw: bytes, _call: Call) -> None:
            await reflection.answer(raw, context, rules)

        await rules.run("ServerReflectionInfo", answer, context)

    handler: Handler = grpc.stream_stream_rpc_method_handler(handle)
    handlers = {"ServerReflectionInfo": handler}
    return tuple(
        grpc.method_handlers_generic_handler(name, handlers)
        for name in REFLECTION_NAMES
    )


async def _read_questions(
    raw: bytes, context: Context
) -> AsyncIterator[reflection_pb2.ServerReflectionRequest]:
    """Yield the first question and those that follow soon, up to a number."""
    for _ in range(QUESTIONS_MAX):
        try:
            yield reflection_pb2.ServerReflectionRequest.FromString(raw)
        except DecodeError as error:
            raise UnreadableRequest("not a ServerReflectionRequest") from error
        try:
            async with asyncio.timeout(QUESTION_S):
                received: object = await context.read()
        except TimeoutError:
            return
        if not isinstance(received, bytes):
            return
        raw = received
