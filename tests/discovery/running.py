"""A real service on loopback, a client of it, requests valid by default."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

import grpc
from google.protobuf.duration_pb2 import Duration

from discovery.api import cluster_pb2 as pb
from discovery.api.cluster_pb2_grpc import ClusterStub
from discovery.server import serve
from discovery.settings import Settings

PATIENCE_S = 10.0
# Nothing expires and nobody waits, unless a test says so.
QUIET = Settings(
    addr="127.0.0.1:0",
    landing_addr="",
    metrics_addr="",
    gc_interval_s=3600.0,
    rate_limit_per_s=0.0,
    fan_out_delay_s=0.0,
    snapshots_enabled=False,
)


@asynccontextmanager
async def a_service(**changes: Any) -> AsyncIterator[str]:
    """Serve with ``QUIET`` settings but for the changes; yields ``host:port``."""
    stop = asyncio.Event()
    listening: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    async with asyncio.TaskGroup() as group:
        group.create_task(
            serve(replace(QUIET, **changes), stop, listening.set_result), name="service"
        )
        try:
            yield await asyncio.wait_for(listening, PATIENCE_S)
        finally:
            stop.set()


@dataclass(frozen=True)
class Addresses:
    """Where a service is: the API as ``host:port``, the others as URLs."""

    api: str
    landing: str
    metrics: str


class _Listening(logging.Handler):
    """Hears where pages are served."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.address_by_pages: dict[str, str] = {}

    def emit(self, record: logging.LogRecord) -> None:
        fields = getattr(record, "fields", {})
        if "pages" in fields:
            self.address_by_pages[fields["pages"]] = fields["address"]


@asynccontextmanager
async def a_service_with_pages(**changes: Any) -> AsyncIterator[Addresses]:
    """Serve the API, the pages and the metrics, each on a free port."""
    heard = _Listening()
    web_log = logging.getLogger("discovery.web.serving")
    level = web_log.level
    web_log.addHandler(heard)
    web_log.setLevel(logging.INFO)
    free = {"landing_addr": "127.0.0.1:0", "metrics_addr": "127.0.0.1:0"}
    try:
        async with a_service(**{**free, **changes}) as api:
            scheme = "https" if changes.get("landing_tls") else "http"
            pages = heard.address_by_pages
            landing, metrics = pages.get("landing", ""), pages.get("metrics", "")
            yield Addresses(api, f"{scheme}://{landing}", f"http://{metrics}")
    finally:
        web_log.removeHandler(heard)
        web_log.setLevel(level)


@asynccontextmanager
async def a_client(
    address: str, *options: tuple[str, Any]
) -> AsyncIterator[ClusterStub]:
    """A client on a connection of its own."""
    async with grpc.aio.insecure_channel(
        address, options=(("grpc.use_local_subchannel_pool", 1), *options)
    ) as channel:
        yield ClusterStub(channel)


@asynccontextmanager
async def a_service_and_client(**changes: Any) -> AsyncIterator[ClusterStub]:
    async with a_service(**changes) as address, a_client(address) as client:
        yield client


def an_update(
    affiliate: str = "af1", *endpoints: bytes, ttl_ns: int | None = None, **fields: Any
) -> pb.AffiliateUpdateRequest:
    """An update of cluster ``c``; without lifetime, as the reference's tests do."""
    request = pb.AffiliateUpdateRequest(
        **{"cluster_id": "c", "affiliate_id": affiliate} | fields
    )
    request.affiliate_endpoints.extend(endpoints)
    if ttl_ns is not None:
        seconds, nanos = divmod(ttl_ns, 10**9)
        request.ttl.CopyFrom(Duration(seconds=seconds, nanos=nanos))
    return request


async def listed(client: ClusterStub, cluster_id: str = "c") -> dict[str, pb.Affiliate]:
    response = await client.List(pb.ListRequest(cluster_id=cluster_id))
    return {affiliate.id: affiliate for affiliate in response.affiliates}


class AWatch:
    """An open watch; every read is bounded in time."""

    def __init__(self, client: ClusterStub, cluster_id: str = "c") -> None:
        self.call = client.Watch(pb.WatchRequest(cluster_id=cluster_id))

    async def next(self) -> pb.WatchResponse:
        message = await asyncio.wait_for(self.call.read(), PATIENCE_S)
        assert isinstance(message, pb.WatchResponse), "the watch ended"
        return message

    async def until(self, reached: Callable[[dict[str, pb.Affiliate]], bool]) -> None:
        """Read messages as a client does until what it knows is as wanted."""
        known: dict[str, pb.Affiliate] = {}
        while not reached(known):
            message = await self.next()
            for affiliate in message.affiliates:
                if message.deleted:
                    known.pop(affiliate.id, None)
                else:
                    known[affiliate.id] = affiliate

    async def is_quiet(self, client: ClusterStub) -> bool:
        """Tell whether nothing was announced: the next message is a change made now."""
        await client.AffiliateUpdate(an_update("quiet", affiliate_data=b"probe"))
        message = await self.next()
        return [a.id for a in message.affiliates] == ["quiet"]


async def code_of(call: Any) -> grpc.StatusCode:
    """The status a call ends with."""
    try:
        await asyncio.wait_for(call, PATIENCE_S)
    except grpc.aio.AioRpcError as error:
        return error.code()
    return grpc.StatusCode.OK
