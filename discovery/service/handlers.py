"""The table from the names of the API to the calls of the service.

Requests and replies pass as raw bytes: a message for a thousand watchers is encoded
once, and bytes that are no message get the status they should (discovery.md 9.2).

Every call is registered as one whose requests are a stream, which is the same on the
wire: gRPC then runs it when it is opened and not when its request is complete, so that
whoever opens calls and sends nothing can be told to go.
"""

from collections.abc import Mapping
from typing import Any, TypeAlias

import grpc

from discovery.api.cluster_pb2 import DESCRIPTOR
from discovery.service.call import Call
from discovery.service.cluster_service import ClusterService
from discovery.service.interceptors import Answer, Context, Interceptors

SERVICE_NAME = DESCRIPTOR.services_by_name["Cluster"].full_name

Handler: TypeAlias = "grpc.RpcMethodHandler[bytes, bytes]"  # generic in the stubs only


def handler_from_service(
    service: ClusterService, interceptors: Interceptors
) -> grpc.GenericRpcHandler:
    """Return what a gRPC server needs to serve the five calls."""
    unary: Mapping[str, Answer[bytes]] = {
        "Hello": service.hello,
        "AffiliateUpdate": service.affiliate_update,
        "AffiliateDelete": service.affiliate_delete,
    }
    handlers = {
        name: unary_handler(name, answer, interceptors)
        for name, answer in unary.items()
    }
    handlers["List"] = _list_handler(service, interceptors)
    handlers["Watch"] = _watch_handler(service, interceptors)
    return grpc.method_handlers_generic_handler(SERVICE_NAME, handlers)


def unary_handler(
    name: str, answer: Answer[bytes], interceptors: Interceptors
) -> Handler:
    """Return what a gRPC server needs to serve one call with one reply."""

    async def handle(_requests: Any, context: Context) -> bytes | None:
        return await interceptors.run(name, answer, context)

    return grpc.stream_unary_rpc_method_handler(handle)


def _list_handler(service: ClusterService, interceptors: Interceptors) -> Handler:
    """One reply, written like that of a stream: it may be large, and not be read."""

    async def handle(_requests: Any, context: Context) -> None:
        async def answer(raw: bytes, call: Call) -> None:
            await interceptors.reply(service.list, raw, call, context)

        await interceptors.run("List", answer, context)

    return grpc.stream_stream_rpc_method_handler(handle)


def _watch_handler(service: ClusterService, interceptors: Interceptors) -> Handler:
    async def handle(_requests: Any, context: Context) -> None:
        async def watch(raw: bytes, call: Call) -> None:
            async def send(message: bytes) -> None:
                await interceptors.send(message, call, context)

            await service.watch(raw, call, send)

        await interceptors.run("Watch", watch, context)

    return grpc.stream_stream_rpc_method_handler(handle)
