"""Builds the service, serves until told to stop, stops in order.

At a stop every watch ends with the status OK and calls under way are finished, all
within a few seconds.
"""

import asyncio
import logging
from collections.abc import Callable
from contextlib import AsyncExitStack

import grpc

from discovery.drivers.certificate import CertificateError, CertificateFiles
from discovery.drivers.clock import monotonic_ns
from discovery.drivers.listening import explain_refusal, grpc_address
from discovery.metrics.metrics import Metrics
from discovery.service.client_address import HeaderTrust
from discovery.service.cluster_service import ClusterService
from discovery.service.handlers import handler_from_service
from discovery.service.interceptors import Interceptors
from discovery.service.store import Store
from discovery.service.watchers import Watchers
from discovery.settings import Settings
from discovery.state.clusters import Clusters
from discovery.state.limits import REQUEST_BYTES_MAX
from discovery.state.rate_limit import RateLimiter
from discovery.stores.opening import open_store

log = logging.getLogger(__name__)

STOP_S = 3.0
FORGET_BUCKETS_S = 60.0
# Calls at once, of all clients or of one proxy that speaks for them; beyond it streams
# are reset, which a client cannot tell from an outage.
HERD_MAX = 100_000

# Without the first, two services could share a port and split its clients. Then: pings
# of idle watchers are welcome (every 10 s for hours, discovery.md 9.1); a herd waits
# instead of being refused at random; dead connections are noticed within 40 s.
SERVER_OPTIONS = (
    ("grpc.so_reuseport", 0),
    ("grpc.http2.min_ping_interval_without_data_ms", 5_000),
    ("grpc.http2.max_ping_strikes", 0),
    ("grpc.server.max_pending_requests", HERD_MAX),
    ("grpc.server.max_pending_requests_hard_limit", HERD_MAX),
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.max_receive_message_length", REQUEST_BYTES_MAX),
    ("grpc.max_concurrent_streams", HERD_MAX),
)


class CannotServe(Exception):  # noqa: N818 - says what happened, as a sentence would
    """The service cannot start; the operator can fix it."""


async def serve(
    settings: Settings,
    stop: asyncio.Event,
    on_listening: Callable[[str], None] = lambda _: None,
) -> None:
    """Serve until ``stop`` is set.

    Args:
        settings: what the operator wants.
        stop: set it, and within 5 s this returns.
        on_listening: told ``host:port`` once clients can connect.

    Raises:
        CannotServe: the port or the certificate cannot be used.
    """
    metrics = Metrics()
    watchers = Watchers()
    clusters = Clusters(settings.clusters_max)
    limiter = RateLimiter(settings.rate_limit_per_s, settings.rate_burst)
    async with AsyncExitStack() as stack:
        store = await stack.enter_async_context(
            open_store(
                settings, clusters, watchers.announce, metrics, watchers.is_watched
            )
        )
        service = _service_from_settings(settings, clusters, store, watchers)
        server, address = _bind(settings, service, limiter)
        group = await stack.enter_async_context(asyncio.TaskGroup())
        sweeper = group.create_task(
            _sweep_forever(store, settings.gc_interval_s), name="sweeper"
        )
        forgetter = group.create_task(_forget_forever(limiter), name="forgetter")
        await server.start()
        log.info("listening", extra={"fields": {"address": address}})
        on_listening(address)
        await stop.wait()
        stopping = group.create_task(server.stop(STOP_S), name="stopping")
        watchers.close()
        await stopping
        sweeper.cancel()
        forgetter.cancel()
    log.info("stopped", extra={"fields": {}})


def _service_from_settings(
    settings: Settings, clusters: Clusters, store: Store, watchers: Watchers
) -> ClusterService:
    return ClusterService(
        clusters,
        store,
        watchers,
        redirect_endpoint=settings.redirect_endpoint,
        report_client_ip=settings.report_client_ip,
    )


def _bind(
    settings: Settings, service: ClusterService, limiter: RateLimiter
) -> tuple[grpc.aio.Server, str]:
    trust = HeaderTrust(settings.trust_x_real_ip, settings.trust_first_x_forwarded_for)
    interceptors = Interceptors(limiter, trust, monotonic_ns)
    server = grpc.aio.server(options=SERVER_OPTIONS)
    server.add_generic_rpc_handlers((handler_from_service(service, interceptors),))
    wanted = grpc_address(settings.addr)
    try:
        port = _add_port(server, wanted, settings)
    except RuntimeError as error:
        reason = explain_refusal(settings.addr)
        raise CannotServe(f"cannot listen on {settings.addr}: {reason}") from error
    return server, f"{wanted.rpartition(':')[0]}:{port}"


def _add_port(server: grpc.aio.Server, wanted: str, settings: Settings) -> int:
    if settings.certificate_path is None or settings.key_path is None:
        return server.add_insecure_port(wanted)
    try:
        files = CertificateFiles(settings.certificate_path, settings.key_path)
        credentials = files.credentials()
    except CertificateError as error:
        raise CannotServe(f"cannot use the certificate: {error}") from error
    return server.add_secure_port(wanted, credentials)


async def _sweep_forever(store: Store, interval_s: float) -> None:
    """Sweep at once and then at every interval."""
    while True:
        await store.sweep()
        await asyncio.sleep(interval_s)


async def _forget_forever(limiter: RateLimiter) -> None:
    while True:
        await asyncio.sleep(FORGET_BUCKETS_S)
        limiter.forget_full(monotonic_ns())
