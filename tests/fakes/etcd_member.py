"""One member of etcd that says whatever it is told to, over a real connection."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import grpc

from discovery.api import etcd_pb2 as pb

Answer = Callable[[bytes], bytes]


async def no_watch(_: Any) -> AsyncIterator[bytes]:
    return
    yield b""


@asynccontextmanager
async def a_member(
    answer: Answer = lambda _: b"",
    watch: Callable[[Any], AsyncIterator[bytes]] = no_watch,
) -> AsyncIterator[str]:
    """Serve Range and Txn with ``answer`` and Watch with ``watch``; ``host:port``."""

    async def unary(raw: bytes, context: grpc.aio.ServicerContext[Any, Any]) -> bytes:
        try:
            return answer(raw)
        except grpc.RpcError as error:
            code, details = error.args
            await context.abort(code, details)

    async def stream(
        requests: Any, _: grpc.aio.ServicerContext[Any, Any]
    ) -> AsyncIterator[bytes]:
        await anext(aiter(requests), None)  # as etcd does, before it says no
        async for message in watch(requests):
            yield message

    server = grpc.aio.server()
    kv = grpc.method_handlers_generic_handler(
        "etcdserverpb.KV",
        {name: grpc.unary_unary_rpc_method_handler(unary) for name in ("Range", "Txn")},
    )
    watching = grpc.method_handlers_generic_handler(
        "etcdserverpb.Watch", {"Watch": grpc.stream_stream_rpc_method_handler(stream)}
    )
    server.add_generic_rpc_handlers((kv, watching))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        await server.stop(0)


def a_head(history: int = 1, revision: int = 1) -> bytes:
    header = pb.ResponseHeader(cluster_id=history, revision=revision)
    return pb.RangeResponse(header=header).SerializeToString()


def refuse(code: grpc.StatusCode, details: str) -> Answer:
    def answer(_: bytes) -> bytes:
        raise grpc.RpcError(code, details)

    return answer


async def never(_: Any) -> AsyncIterator[bytes]:
    await asyncio.sleep(60)
    yield b""
