"""Which part of the service is built from what."""

import importlib.metadata
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

import grpc

from discovery.drivers.clock import monotonic_ns
from discovery.drivers.file_limit import connections_that_fit
from discovery.drivers.grpc_server import (
    certificate_files,
    listen_for_calls,
    new_server,
)
from discovery.drivers.watched_file import WatchedFile
from discovery.metrics.metrics import Levels, Metrics
from discovery.service.admission import (
    Admission,
    parse_allowed_clusters,
    parse_cluster_tokens,
)
from discovery.service.client_address import HeaderTrust
from discovery.service.cluster_service import ClusterService
from discovery.service.handlers import handler_from_service
from discovery.service.health import Health, handler_from_health
from discovery.service.interceptors import Interceptors
from discovery.service.lifetime import Lifetime
from discovery.service.log_budget import LogBudget
from discovery.service.outlets import Outlets
from discovery.service.reflection import Reflection, handlers_from_reflection
from discovery.service.stalls import Stalls
from discovery.service.store import Store, StoreHealth
from discovery.service.turns import Turns
from discovery.service.watchers import Watchers, watchers_from_settings
from discovery.settings import Settings
from discovery.state.clusters import Clusters
from discovery.state.rate_limit import RateLimiter
from discovery.stores.opening import open_store
from discovery.web.site import Readiness, Site

# Calls at once besides open watches; more of them are refused.
CALLS_MAX = 10_000
LOG_LINES_PER_S = 10


@dataclass(frozen=True, slots=True)
class Parts:
    """What the service is built of; made in the order of these lines."""

    settings: Settings
    metrics: Metrics
    lifetime: Lifetime
    clusters: Clusters
    limiter: RateLimiter
    watchers: Watchers
    stalls: Stalls


def parts_from_settings(settings: Settings) -> Parts:
    """Make the parts; call it in the loop, when the service starts."""
    metrics = Metrics()
    parts = Parts(
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
        store_ready=_is_well(parts.lifetime.read_store()),
    )
    return parts


def _is_well(store: StoreHealth) -> bool:
    """Whether an operator may sleep: clients are welcome even at a full disk."""
    return store.ready and not store.problem


def site_from_parts(parts: Parts) -> Site:
    """Return what the pages and the probes are made from."""
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
async def opened_store(parts: Parts) -> AsyncIterator[Store]:
    """Open the store the operator wants; it is closed in the end.

    Raises:
        StoreError: records cannot be loaded or kept.
        EtcdError: etcd refused.
    """
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


def service_from_parts(parts: Parts, store: Store) -> ClusterService:
    """Return what answers the five calls."""
    return ClusterService(
        parts.clusters,
        store,
        parts.watchers,
        parts.metrics,
        redirect_endpoint=parts.settings.redirect_endpoint,
        report_client_ip=parts.settings.report_client_ip,
    )


def bind_server(parts: Parts, service: ClusterService) -> tuple[grpc.aio.Server, str]:
    """Return a server that was not started yet, and the ``host:port`` it will have.

    Raises:
        CannotListen: the address is refused.
        CertificateError: the certificate cannot serve.
        FileError: the file of clusters or of tokens cannot be read.
    """
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
    parts: Parts, service: ClusterService
) -> tuple[grpc.GenericRpcHandler, ...]:
    settings = parts.settings
    rules = Interceptors(
        Turns(parts.limiter, monotonic_ns, parts.metrics, settings.rate_ipv6_prefix),
        HeaderTrust(
            settings.trust_x_real_ip,
            settings.trust_first_x_forwarded_for,
            settings.trusted_proxies,
        ),
        admission_from_settings(settings),
        parts.stalls,
        Outlets(settings.watcher_stall_s, settings.rate_ipv6_prefix),
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


def admission_from_settings(settings: Settings) -> Admission:
    """Return who is served; the files are read now and whenever they change.

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
