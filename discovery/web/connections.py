"""As many connections as there may be, and none for ever.

The HTTP library ends what is idle or does not finish its request's headers; this ends
what reads an answer byte by byte, and turns away a herd.
"""

import asyncio
from typing import cast

from aiohttp import web

from discovery.state.limits import NS_PER_S

# No page takes that long to read; a proxy just connects again.
CLOSE_NS = 90 * NS_PER_S
ABORT_NS = 120 * NS_PER_S


class Connections:
    """The connections of one listener.

    Args:
        server: makes a protocol for each.
        connections_max: how many at once.
    """

    def __init__(self, server: web.Server, connections_max: int) -> None:
        self._server = server
        self._connections_max = connections_max
        self._seen_ns: dict[web.RequestHandler, int] = {}

    def accept(self) -> asyncio.Protocol:
        """Return what speaks with a new connection."""
        if len(self._server.connections) >= self._connections_max:
            return _Refused()
        return self._server()

    def end_old(self, now_ns: int) -> None:
        """Close what is old after its answer, cut off what is older; call it often."""
        open_now = self._server.connections
        self._seen_ns = {c: self._seen_ns.get(c, now_ns) for c in open_now}
        for connection, since_ns in self._seen_ns.items():
            age_ns = now_ns - since_ns
            transport = connection.transport
            if age_ns >= ABORT_NS and transport is not None:
                transport.abort()
            elif age_ns >= CLOSE_NS:
                connection.close()


class _Refused(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        cast("asyncio.Transport", transport).abort()
