"""Builds the service, serves until told to stop, stops in order.

At a stop every watch ends with the status OK and calls under way are finished, all
within a few seconds.
"""

import asyncio
import logging
from collections.abc import Callable

import grpc

from discovery.drivers.certificate import CertificateError, CertificateFiles
from discovery.drivers.clock import monotonic_ns
from discovery.drivers.listening import explain_refusal, grpc_address
from discovery.service.client_address import HeaderTrust
from discovery.service.cluster_service import ClusterService
from discovery.service.handlers import handler_from_service
from discovery.service.interceptors import Interceptors
from discovery.service.watchers import Watchers
from discovery.settings import Settings
from discovery.state.clusters import Clusters
from discovery.state.limits import REQUEST_BYTES_MAX
from discovery.state.rate_limit import RateLimiter

log = logging.getLogger(__name__)

STOP_S = 3.0
FORGET_BUCKETS_S = 60.0
# Between two breaths of a sweep; one that finds nothing due costs a microsecond.
SWEEP_CLUSTERS_AT_ONCE = 100
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
    watchers = Watchers()
    clusters = Clusters()
    limiter = RateLimiter(settings.rate_limit_per_s, settings.rate_burst)
    service = _service_from_settings(settings, clusters, watchers)
    server, address = _bind(settings, service, limiter)
    async with asyncio.TaskGroup() as group:
        sweeper = group.create_task(
            _sweep_forever(service, clusters, settings.gc_interval_s), name="sweeper"
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
    settings: Settings, clusters: Clusters, watchers: Watchers
) -> ClusterService:
    return ClusterService(
        clusters,
        watchers,
        monotonic_ns,
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


async def _sweep_forever(
    service: ClusterService, clusters: Clusters, interval_s: float
) -> None:
    """Sweep at once and then at every interval, leaving room for calls in between."""
    while True:
        removed = 0
        for number, cluster_id in enumerate(clusters.cluster_ids):
            removed += len(service.sweep(cluster_id))
            if number % SWEEP_CLUSTERS_AT_ONCE == 0:
                await asyncio.sleep(0)
        level = logging.INFO if removed else logging.DEBUG
        if log.isEnabledFor(level):
            log.log(level, "swept", extra={"fields": _sweep_fields(removed, clusters)})
        await asyncio.sleep(interval_s)


def _sweep_fields(changed: int, clusters: Clusters) -> dict[str, int]:
    counts = clusters.count()
    return {
        "changed": changed,
        "clusters": counts.clusters,
        "affiliates": counts.affiliates,
        "endpoints": counts.endpoints,
    }


async def _forget_forever(limiter: RateLimiter) -> None:
    while True:
        await asyncio.sleep(FORGET_BUCKETS_S)
        limiter.forget_full(monotonic_ns())
