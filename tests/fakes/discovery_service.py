"""A discovery service in memory, on loopback, that can be told to misbehave."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Self

import grpc

from discovery.api import cluster_pb2 as pb

CLUSTER = "/sidero.discovery.server.Cluster/"


class FakeDiscoveryService:
    """Answers all five calls for one cluster.

    Attributes:
        records: what it stores, by affiliate ID; change it to lie.
        calls: names of the calls received, in order.
        updates: every update received.
        shown: the header ``authorization`` of every call; None where there was none.
        redirect: endpoint every Hello is answered with; empty for none.
        client_ip: what Hello says of the caller.
        refuse: status code by the name of the call that is to fail.
        answers: raw bytes by the name of the call that is to be answered so.
    """

    def __init__(self) -> None:
        self.records: dict[str, pb.Affiliate] = {}
        self.calls: list[str] = []
        self.hellos: list[pb.HelloRequest] = []
        self.updates: list[pb.AffiliateUpdateRequest] = []
        self.shown: list[str | None] = []
        self.redirect = ""
        self.client_ip = b""
        self.refuse: dict[str, grpc.StatusCode] = {}
        self.answers: dict[str, bytes] = {}
        self._watches: set[asyncio.Queue[bytes | None]] = set()
        self._server: grpc.aio.Server | None = None
        self._port = 0

    @property
    def endpoint(self) -> str:
        return f"127.0.0.1:{self._port}"

    @property
    def watches(self) -> int:
        return len(self._watches)

    @asynccontextmanager
    async def serving(
        self, credentials: grpc.ServerCredentials | None = None
    ) -> AsyncIterator[Self]:
        await self.start(credentials)
        try:
            yield self
        finally:
            await self.stop()

    async def start(self, credentials: grpc.ServerCredentials | None = None) -> None:
        """Serve; after a stop on the same port as before."""
        self._server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
        self._server.add_generic_rpc_handlers((_Handlers(self),))
        address = f"127.0.0.1:{self._port}"
        if credentials is None:
            self._port = self._server.add_insecure_port(address)
        else:
            self._port = self._server.add_secure_port(address, credentials)
        await self._server.start()

    async def stop(self) -> None:
        """Die without a farewell."""
        if self._server is not None:
            await self._server.stop(None)
            self._server = None

    def announce(self, raw: bytes) -> None:
        """Send these bytes to everyone who watches."""
        for watch in self._watches:
            watch.put_nowait(raw)

    def put(self, record: pb.Affiliate) -> None:
        """Store a record and announce it."""
        self.records[record.id] = record
        self.announce(pb.WatchResponse(affiliates=[record]).SerializeToString())

    def announce_deletion(self, affiliate_id: str, *, really: bool) -> None:
        """Say that a record is gone; true or not."""
        if really:
            self.records.pop(affiliate_id, None)
        gone = pb.Affiliate(id=affiliate_id)
        message = pb.WatchResponse(affiliates=[gone], deleted=True)
        self.announce(message.SerializeToString())

    def end_watches(self) -> None:
        """End every watch with OK, as a service that stops does."""
        for watch in self._watches:
            watch.put_nowait(None)

    def snapshot(self) -> bytes:
        return pb.WatchResponse(affiliates=self.records.values()).SerializeToString()

    async def answer(self, name: str, raw: bytes, context: Any) -> bytes:
        self._note(name, context)
        if code := self.refuse.get(name):
            await context.abort(code, "as told")
        if name in self.answers:
            return self.answers[name]
        method = getattr(self, f"_{name}")
        return bytes(method(raw).SerializeToString())

    async def watch(self, _raw: bytes, context: Any) -> AsyncIterator[bytes]:
        self._note("Watch", context)
        if code := self.refuse.get("Watch"):
            await context.abort(code, "as told")
        queue: asyncio.Queue[bytes | None] = asyncio.Queue()
        queue.put_nowait(self.answers.get("Watch", self.snapshot()))
        self._watches.add(queue)
        try:
            while (message := await queue.get()) is not None:
                yield message
        finally:
            self._watches.discard(queue)

    def _note(self, name: str, context: Any) -> None:
        self.calls.append(name)
        self.shown.append(dict(context.invocation_metadata()).get("authorization"))

    def _Hello(self, raw: bytes) -> pb.HelloResponse:  # noqa: N802 - the call's name
        self.hellos.append(pb.HelloRequest.FromString(raw))
        response = pb.HelloResponse(client_ip=self.client_ip)
        if self.redirect:
            response.redirect.endpoint = self.redirect
        return response

    def _AffiliateUpdate(  # noqa: N802 - the call's name
        self, raw: bytes
    ) -> pb.AffiliateUpdateResponse:
        update = pb.AffiliateUpdateRequest.FromString(raw)
        self.updates.append(update)
        stored = self.records.get(update.affiliate_id)
        record = stored or pb.Affiliate(id=update.affiliate_id)
        record.data = update.affiliate_data or record.data
        new = [e for e in update.affiliate_endpoints if e not in record.endpoints]
        record.endpoints.extend(new)
        self.put(record)
        return pb.AffiliateUpdateResponse()

    def _AffiliateDelete(  # noqa: N802 - the call's name
        self, raw: bytes
    ) -> pb.AffiliateDeleteResponse:
        request = pb.AffiliateDeleteRequest.FromString(raw)
        self.announce_deletion(request.affiliate_id, really=True)
        return pb.AffiliateDeleteResponse()

    def _List(self, _raw: bytes) -> pb.ListResponse:  # noqa: N802 - the call's name
        return pb.ListResponse(affiliates=self.records.values())


class _Handlers(grpc.GenericRpcHandler):  # type: ignore[misc] # untyped base
    def __init__(self, service: FakeDiscoveryService) -> None:
        self._service = service

    def service(self, details: Any) -> Any:
        name = details.method.removeprefix(CLUSTER)
        if name == "Watch":
            return grpc.unary_stream_rpc_method_handler(self._service.watch)

        async def answer(raw: bytes, context: Any) -> bytes:
            return await self._service.answer(name, raw, context)

        return grpc.unary_unary_rpc_method_handler(answer)
