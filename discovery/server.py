"""Builds the service, serves until told to stop, stops in order.

::

    probes answer → records are loaded → the API listens → pages → … → stop
    → not ready, clients are sent away, watches end one by one (the time of draining)
    → the last watches end with OK, GOAWAY, calls under way are finished (3 s)
    → pages end → records are kept → probes go last
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, contextmanager
from typing import TypeVar

import grpc

from discovery.assembly import (
    Parts,
    bind_server,
    opened_store,
    parts_from_settings,
    service_from_parts,
    site_from_parts,
)
from discovery.drivers.certificate import CertificateError
from discovery.drivers.clock import monotonic_ns
from discovery.drivers.etcd.failure import EtcdError
from discovery.drivers.listening_socket import CannotListen
from discovery.drivers.tls_context import CannotUseCertificate
from discovery.drivers.watched_file import FileError
from discovery.service.cluster_service import ClusterService
from discovery.service.draining import end_watches
from discovery.service.store import Store
from discovery.service.upkeep import upkeep
from discovery.settings import Settings
from discovery.stores.trouble import StoreError
from discovery.web.serving import serve_landing, serve_metrics

log = logging.getLogger(__name__)
Opened = TypeVar("Opened")

STOP_S = 3.0


class CannotServe(Exception):  # noqa: N818 - says what happened, as a sentence would
    """The service cannot start, or not end well; the operator can fix it."""


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
    parts = parts_from_settings(settings)
    site = site_from_parts(parts)
    hurry = hurry or asyncio.Event()
    with _explained():
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(serve_metrics(site))
            opening = stack.enter_async_context(opened_store(parts))
            store = await _unless_stopped(stop, opening)
            if store is None:
                return
            service = service_from_parts(parts, store)
            server, address = bind_server(parts, service)
            stack.push_async_callback(server.stop, None)
            await stack.enter_async_context(serve_landing(site))
            group = await stack.enter_async_context(_upkeep(parts, store))
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
    """Await something that may take long; None if told to stop meanwhile.

    Raises:
        Exception: what ``opening`` raises, not wrapped in a group.
    """
    failure: Exception | None = None
    async with asyncio.TaskGroup() as group, asyncio.timeout(None) as patience:
        waiting = group.create_task(_end_patience(stop, patience), name="patience")
        try:
            return await opening
        except asyncio.CancelledError:
            if not stop.is_set():
                raise
        except Exception as error:  # noqa: BLE001 - raised again outside of the group
            failure = error
        finally:
            waiting.cancel()
    if failure is not None:
        raise failure
    return None


async def _end_patience(stop: asyncio.Event, patience: asyncio.Timeout) -> None:
    await stop.wait()
    patience.reschedule(0)


def _upkeep(
    parts: Parts, store: Store
) -> AbstractAsyncContextManager[asyncio.TaskGroup]:
    interval_s = parts.settings.gc_interval_s
    return upkeep(store, interval_s, parts.limiter, parts.stalls, monotonic_ns)


async def _drain(parts: Parts, service: ClusterService, hurry: asyncio.Event) -> None:
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
