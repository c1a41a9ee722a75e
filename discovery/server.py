"""Builds the service, serves until told to stop, stops in order.

::

    probes answer → records are loaded → the API listens → pages → … → stop
    → not ready, clients are sent away, watches end one by one (the time of draining)
    → the last watches end with OK, GOAWAY, calls under way are finished (3 s)
    → pages end → records are kept → probes go last
"""

import asyncio
import importlib.metadata
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from typing import TypeVar

import grpc

from discovery.drivers.certificate import CertificateError
from discovery.drivers.clock import monotonic_ns
from discovery.drivers.etcd.failure import EtcdError
from discovery.drivers.file_limit import connections_that_fit
from discovery.drivers.grpc_server import (
    certificate_files,
    listen_for_calls,
    new_server,
)
from discovery.drivers.listening_socket import CannotListen
from discovery.drivers.tls_context import CannotUseCertificate
from discovery.drivers.watched_file import FileError, WatchedFile
from discovery.metrics.metrics import Levels, Metrics
from discovery.service.admission import (
    Admission,
    parse_allowed_clusters,
    parse_cluster_tokens,
)
from discovery.service.client_address import HeaderTrust
from discovery.service.cluster_service import ClusterService
from discovery.service.draining import end_watches
from discovery.service.handlers import handler_from_service
from discovery.service.health import Health, handler_from_health
from discovery.service.interceptors import Interceptors
from discovery.service.lifetime import Lifetime
from discovery.service.log_budget import LogBudget
from discovery.service.reflection import Reflection, handlers_from_reflection
from discovery.service.stalls import Stalls
from discovery.service.store import Store
from discovery.service.turns import Turns
from discovery.service.watchers import Watchers, watchers_from_settings
from discovery.settings import Settings
from discovery.state.clusters import Clusters
from discovery.state.rate_limit import RateLimiter
from discovery.stores.opening import open_store
from discovery.stores.trouble import StoreError
from discovery.web.serving import serve_landing, serve_metrics
from discovery.web.site import Readiness, Site

log = logging.getLogger(__name__)
Opened = TypeVar("Opened")

STOP_S = 3.0
FORGET_BUCKETS_S = 60.0
# Calls at once besides open watches; more of them are refused.
CALLS_MAX = 10_000
LOG_LINES_PER_S = 10


class CannotServe(Exception):  # noqa: N818 - says what happened, as a sentence would
    """The service cannot start, or not end well; the operator can fix it."""


@dataclass(frozen=True, slots=True)
class _Parts:
    """What the service is built of; made in the order of these lines."""

    settings: Settings
    metrics: Metrics
    lifetime: Lifetime
    clusters: Clusters
    limiter: RateLimiter
    watchers: Watchers
    stalls: Stalls


async def serve(
    settings: Settings,
    stop: asyncio.Event,
    on_listening: Callable[[str], None] = lambda _: None,
    hurry: asyncio.Event | None = None,
) -> None:
    """Serve until ``stop`` is set.

    Args:
        settings: what the operator wants.
        stop: set it, and this returns within the time of draining and a few seconds.
        on_listening: told ``host:port`` once clients can connect.
        hurry: set it too, and calls under way are not waited for.

    Raises:
        CannotServe: an address or a file cannot be used, or records not be kept.
    """
    parts = _parts_from_settings(settings)
    site = _site_from_parts(parts)
    hurry = hurry or asyncio.Event()
    with _explained():
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(serve_metrics(site))
            opening = stack.enter_async_context(_store(parts))
            store = await _unless_stopped(stop, opening)
            if store is None:
                return
            service = _service_from_parts(parts, store)
            server, address = _bind(parts, service)
            stack.push_async_callback(server.stop, None)
            await stack.enter_async_context(serve_landing(site))
            group = await stack.enter_async_context(_tasks(parts, store))
            await server.start()
            parts.lifetime.listening = True
            log.info("listening", extra={"fields": {"address": address}})
            on_listening(address)
            await stop.wait()
            await _drain(parts, service, hurry)
            stopping = group.create_task(_stop(server, hurry), name="stopping")
            parts.watchers.close()
            await stopping
    log.info("stopped", extra={"fields": {}})


@contextmanager
def _explained() -> Iterator[None]:
    """Turn what the operator can fix into one sentence."""
    try:
        yield
    except (CannotListen, FileError, StoreError, EtcdError) as error:
        raise CannotServe(str(error)) from error
    except (CertificateError, CannotUseCertificate) as error:
        raise CannotServe(f"cannot use the certificate: {error}") from error


async def _unless_stopped(
    stop: asyncio.Event, opening: Awaitable[Opened]
) -> Opened | None:
    """Await something that may take long; None if told to stop meanwhile."""
    async with asyncio.TaskGroup() as group, asyncio.timeout(None) as patience:
        waiting = group.create_task(_end_patience(stop, patience), name="patience")
        try:
            return await opening
        except asyncio.CancelledError:
            if not stop.is_set():
                raise
            return None
        finally:
            waiting.cancel()


async def _end_patience(stop: asyncio.Event, patience: asyncio.Timeout) -> None:
    await stop.wait()
    patience.reschedule(0)


def _parts_from_settings(settings: Settings) -> _Parts:
    metrics = Metrics()
    parts = _Parts(
        settings,
        metrics,
        Lifetime(),
        Clusters(settings.clusters_max),
        RateLimiter(
            settings.rate_limit_per_s, settings.rate_burst, settings.rate_buckets_max
        ),
        watchers_from_settings(settings, metrics),
        Stalls(settings.watcher_stall_s, monotonic_ns),
    )
    metrics.read_levels = lambda: Levels(
        stored=parts.clusters.count(),
        watches=len(parts.watchers),
        rate_buckets=len(parts.limiter),
        store_ready=parts.lifetime.read_store().ready,
    )
    return parts


def _site_from_parts(parts: _Parts) -> Site:
    lifetime = parts.lifetime
    return Site(
        parts.settings,
        parts.clusters,
        parts.metrics,
        lambda: Readiness(lifetime.listening, lifetime.draining, lifetime.read_store()),
        monotonic_ns,
        importlib.metadata.version("kubespan"),
    )


@asynccontextmanager
async def _store(parts: _Parts) -> AsyncIterator[Store]:
    opened = open_store(
        parts.settings,
        parts.clusters,
        parts.watchers.announce,
        parts.metrics,
        parts.watchers.is_watched,
    )
    async with opened as store:
        parts.lifetime.read_store = store.health
        yield store


def _service_from_parts(parts: _Parts, store: Store) -> ClusterService:
    return ClusterService(
        parts.clusters,
        store,
        parts.watchers,
        parts.metrics,
        redirect_endpoint=parts.settings.redirect_endpoint,
        report_client_ip=parts.settings.report_client_ip,
    )


def _bind(parts: _Parts, service: ClusterService) -> tuple[grpc.aio.Server, str]:
    settings = parts.settings
    server = new_server(
        _handlers(parts, service),
        calls_max=settings.watches_max + CALLS_MAX,
        connections_max=connections_that_fit(settings.connections_max),
    )
    files = certificate_files(
        settings.certificate_path, settings.key_path, settings.client_ca_path
    )
    return server, listen_for_calls(server, settings.addr, files)


def _handlers(
    parts: _Parts, service: ClusterService
) -> tuple[grpc.GenericRpcHandler, ...]:
    settings = parts.settings
    rules = Interceptors(
        Turns(parts.limiter, monotonic_ns, parts.metrics, settings.rate_ipv6_prefix),
        HeaderTrust(
            settings.trust_x_real_ip,
            settings.trust_first_x_forwarded_for,
            settings.trusted_proxies,
        ),
        _admission_from_settings(settings),
        parts.stalls,
        parts.metrics,
        LogBudget(LOG_LINES_PER_S, monotonic_ns),
        monotonic_ns,
    )
    about_us = replace(rules, admission=Admission())  # names no cluster
    return (
        handler_from_service(service, rules),
        handler_from_health(Health(parts.lifetime), about_us),
        *handlers_from_reflection(Reflection(), about_us),
    )


def _admission_from_settings(settings: Settings) -> Admission:
    """Read who is served.

    Raises:
        FileError: one of the files cannot be read.
    """
    allowed, tokens = settings.allowed_clusters_path, settings.cluster_tokens_path
    read_allowed = WatchedFile(allowed, parse_allowed_clusters) if allowed else None
    read_tokens = (
        WatchedFile(tokens, parse_cluster_tokens, is_secret=True) if tokens else None
    )
    return Admission(
        read_allowed.read if read_allowed else None,
        read_tokens.read if read_tokens else None,
    )


@asynccontextmanager
async def _tasks(parts: _Parts, store: Store) -> AsyncIterator[asyncio.TaskGroup]:
    """Run what goes on beside the calls."""
    interval_s = parts.settings.gc_interval_s
    async with asyncio.TaskGroup() as group:
        beside = (
            group.create_task(_sweep_forever(store, interval_s), name="sweeper"),
            group.create_task(_forget_forever(parts.limiter), name="forgetter"),
            group.create_task(parts.stalls.watch_forever(), name="stalls"),
        )
        yield group
        for task in beside:
            task.cancel()


async def _sweep_forever(store: Store, interval_s: float) -> None:
    """Sweep at once and then at every interval."""
    while True:
        try:
            await store.sweep()
        except Exception:  # a sweep comes again; the service must not go with it
            log.exception("sweep failed", extra={"fields": {}})
        await asyncio.sleep(interval_s)


async def _forget_forever(limiter: RateLimiter) -> None:
    while True:
        await asyncio.sleep(FORGET_BUCKETS_S)
        limiter.forget_full(monotonic_ns())


async def _drain(parts: _Parts, service: ClusterService, hurry: asyncio.Event) -> None:
    """Send clients away, one after the other."""
    settings = parts.settings
    parts.lifetime.draining = True
    fields = {"watches": len(parts.watchers), "seconds": settings.drain_s}
    log.info("stopping", extra={"fields": fields})
    if settings.drain_redirect:
        service.redirect(settings.drain_redirect)
    await end_watches(parts.watchers, settings.drain_s, hurry)


async def _stop(server: grpc.aio.Server, hurry: asyncio.Event) -> None:
    """Send GOAWAY and finish the calls under way; in a hurry, end them."""
    async with asyncio.TaskGroup() as group:
        stopping = group.create_task(server.stop(STOP_S), name="graceful")
        hurried = group.create_task(hurry.wait(), name="hurry")
        await asyncio.wait((stopping, hurried), return_when=asyncio.FIRST_COMPLETED)
        hurried.cancel()
        if not stopping.done():
            await server.stop(None)
