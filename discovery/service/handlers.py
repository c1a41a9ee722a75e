"""The table from the names of the API to the calls of the service.

Requests and replies pass as raw bytes: a message for a thousand watchers is encoded
once, and bytes that are no message get the status they should (discovery.md 9.2).
"""

from collections.abc import Awaitable, Callable
from typing import TypeAlias

import grpc

from discovery.api.cluster_pb2 import DESCRIPTOR
from discovery.service.call import Call
from discovery.service.cluster_service import ClusterService
from discovery.service.interceptors import Context, Interceptors

SERVICE_NAME = DESCRIPTOR.services_by_name["Cluster"].full_name

Unary = Callable[[bytes, Call], Awaitable[bytes]]
Handler: TypeAlias = "grpc.RpcMethodHandler[bytes, bytes]"  # generic in the stubs only


def handler_from_service(
    service: ClusterService, interceptors: Interceptors
) -> grpc.GenericRpcHandler:
    """Return what a gRPC server needs to serve the five calls."""
    unary: dict[str, Unary] = {
        "Hello": service.hello,
        "AffiliateUpdate": service.affiliate_update,
        "AffiliateDelete": service.affiliate_delete,
        "List": service.list,
    }
    handlers = {
        name: _unary_handler(name, call, interceptors) for name, call in unary.items()
    }
    handlers["Watch"] = _watch_handler(service, interceptors)
    return grpc.method_handlers_generic_handler(SERVICE_NAME, handlers)


def _unary_handler(name: str, answer: Unary, interceptors: Interceptors) -> Handler:
    async def handle(raw: bytes, context: Context) -> bytes | None:
        return await interceptors.run(name, lambda call: answer(raw, call), context)

    return grpc.unary_unary_rpc_method_handler(handle)


def _watch_handler(service: ClusterService, interceptors: Interceptors) -> Handler:
    async def handle(raw: bytes, context: Context) -> None:
        async def send(message: bytes) -> None:
            await interceptors.send(message, context)

        async def watch(call: Call) -> None:
            await service.watch(raw, call, send)

        await interceptors.run("Watch", watch, context)

    return grpc.unary_stream_rpc_method_handler(handle)
