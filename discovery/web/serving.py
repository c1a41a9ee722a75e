"""Listens, and stops listening: one address for people, one for operators."""

import asyncio
import logging
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass

from aiohttp import web

from discovery.drivers.listening_socket import address_from_socket, listen
from discovery.drivers.tls_context import PageCertificate
from discovery.settings import Settings
from discovery.state.rate_limit import RateLimiter
from discovery.web.connections import Connections
from discovery.web.guards import add_headers, guard_from_metrics
from discovery.web.inspection import Inspection
from discovery.web.landing import landing_routes, static_routes
from discovery.web.probes import metrics_route, probe_routes
from discovery.web.site import Site
from discovery.web.stats import Stats

log = logging.getLogger(__name__)
# The library has a traceback at level error for every line of a stranger that is no
# HTTP; mistakes of ours are told by guards.py.
_library_log = logging.getLogger(f"{__name__}.library")
_library_log.addFilter(lambda record: record.levelno < logging.ERROR)

LANDING_CONNECTIONS_MAX = 512
METRICS_CONNECTIONS_MAX = 64
# For the headers of a request, for a handshake, and between two requests.
IDLE_S = 10.0
FORM_BYTES_MAX = 4096
STOP_S = 2.0
TEND_S = 5.0

# A person looks at a cluster now and then; a page of a full one is 16 MB.
LOOKS_PER_S = 2.0
LOOKS_AT_ONCE = 20
VISITORS_MAX = 10_000


@dataclass(frozen=True, slots=True)
class _Listener:
    """What is served where; ``tend`` is called every few seconds."""

    name: str
    addr: str
    connections_max: int
    routes: Sequence[web.RouteDef]
    tls: ssl.SSLContext | None = None
    tend: Callable[[int], object] = lambda _now_ns: None


@asynccontextmanager
async def serve_landing(site: Site) -> AsyncIterator[str]:
    """Serve the pages; yields ``host:port``, empty if they are turned off.

    Raises:
        CannotListen: the address is refused.
        CannotUseCertificate: TLS is wanted and the files cannot serve.
    """
    limiter = RateLimiter(LOOKS_PER_S, LOOKS_AT_ONCE, VISITORS_MAX)
    routes = [
        *landing_routes(site),
        *static_routes(),
        *probe_routes(site, details=False),
        Stats(site).route(),
    ]
    if site.settings.inspect_enabled:
        routes += Inspection(site, limiter).routes()
    listener = _Listener(
        "landing",
        site.settings.landing_addr,
        LANDING_CONNECTIONS_MAX,
        routes,
        _tls_from_settings(site.settings),
        limiter.forget_full,
    )
    async with _serve(site, listener) as address:
        yield address


@asynccontextmanager
async def serve_metrics(site: Site) -> AsyncIterator[str]:
    """Serve metrics and probes; yields ``host:port``, empty if they are turned off.

    Raises:
        CannotListen: the address is refused.
    """
    routes = [metrics_route(site), *probe_routes(site, details=True)]
    addr = site.settings.metrics_addr
    listener = _Listener("metrics", addr, METRICS_CONNECTIONS_MAX, routes)
    async with _serve(site, listener) as address:
        yield address


@asynccontextmanager
async def _serve(site: Site, listener: _Listener) -> AsyncIterator[str]:
    if not listener.addr:
        yield ""
        return
    async with AsyncExitStack() as stack:
        sockets = [stack.enter_context(s) for s in listen(listener.addr)]
        runner = web.AppRunner(
            _application(site, listener.routes),
            access_log=None,
            logger=_library_log,
            keepalive_timeout=IDLE_S,
            lingering_time=STOP_S,
            shutdown_timeout=STOP_S,
        )
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        assert runner.server is not None  # noqa: S101 - it was set up
        connections = Connections(runner.server, listener.connections_max)
        for accepting in sockets:
            server = await _accept(connections, accepting, listener.tls)
            stack.callback(server.close)

        def tend() -> None:
            connections.end_old(site.now_ns())
            listener.tend(site.now_ns())

        stack.enter_context(_every(TEND_S, tend))
        address = address_from_socket(sockets[0])
        fields = {"pages": listener.name, "address": address}
        log.info("listening", extra={"fields": fields})
        yield address


def _application(site: Site, routes: Sequence[web.RouteDef]) -> web.Application:
    guard = guard_from_metrics(site.metrics)
    application = web.Application(
        middlewares=[guard], client_max_size=FORM_BYTES_MAX, logger=_library_log
    )
    application.on_response_prepare.append(add_headers)
    application.add_routes(routes)
    return application


async def _accept(
    connections: Connections, accepting: socket.socket, tls: ssl.SSLContext | None
) -> asyncio.Server:
    return await asyncio.get_running_loop().create_server(
        connections.accept,
        sock=accepting,
        ssl=tls,
        ssl_handshake_timeout=IDLE_S if tls else None,
        ssl_shutdown_timeout=STOP_S if tls else None,
    )


@contextmanager
def _every(interval_s: float, act: Callable[[], None]) -> Iterator[None]:
    loop = asyncio.get_running_loop()
    timer: asyncio.TimerHandle

    def tick() -> None:
        nonlocal timer
        timer = loop.call_later(interval_s, tick)
        act()

    timer = loop.call_later(interval_s, tick)
    try:
        yield
    finally:
        timer.cancel()


def _tls_from_settings(settings: Settings) -> ssl.SSLContext | None:
    if not settings.landing_tls or not settings.landing_addr:
        return None
    if settings.certificate_path is None or settings.key_path is None:
        return None  # refused where flags are read
    return PageCertificate(settings.certificate_path, settings.key_path).context()
