"""Hears that something changed in the kernel; says so, never what.

Events are lost when they come too fast, so they are hints only: whoever is told looks
for itself. Nothing is decoded and a burst makes one hint.
"""

import asyncio
import errno
import socket
from collections.abc import Callable, Iterable
from typing import Final

from kubespan.drivers.host.netlink import refusals
from kubespan.engine.edges import Publisher

NETLINK_NETFILTER: Final = 12
SO_RCVBUFFORCE: Final = 33
RECEIVE_BUFFER_BYTES: Final = 8 * 1024 * 1024
DATAGRAM_MAX_BYTES: Final = 64 * 1024
COALESCE_S: Final = 0.1
"""A burst is given this long to end before the hint."""
PAUSE_S: Final = 0.4
"""Under a steady stream of events hints come no closer than this."""

# the first groups have bits, numbered from 1
ROUTE_GROUPS: Final = sum(1 << (group - 1) for group in (1, 5, 7, 8, 9, 11, 19, 24, 25))
"""RTNLGRP_LINK, and of each family IFADDR, ROUTE, RULE, NETCONF (switches)."""
NFTABLES_GROUPS: Final = 1 << (7 - 1)
"""NFNLGRP_NFTABLES."""


class NetlinkMonitor:
    """A listener on its own socket, so that its overflow harms nobody else.

    Args:
        protocol: netlink protocol number.
        groups: bit mask of multicast groups.
        on_hint: called in the event loop after something changed, also once at start.
        contains: asked at each message; only one with any of these bytes in it counts.
            Messages of nftables carry the name of the table.
    """

    def __init__(
        self,
        protocol: int,
        groups: int,
        on_hint: Callable[[], None],
        contains: Callable[[], Iterable[bytes]] = lambda: (b"",),
    ) -> None:
        self._protocol = protocol
        self._groups = groups
        self._on_hint = on_hint
        self._contains = contains

    async def run(self, _publisher: Publisher | None = None) -> None:
        """Listen for ever; a ``Source`` that writes nothing.

        Raises:
            DriverError: the kernel lets us not listen.
        """
        while True:
            with refusals("listen to the kernel"), self._opened() as listener:
                await self._listen(listener)

    def _opened(self) -> socket.socket:
        listener = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, self._protocol)
        try:
            listener.setblocking(False)
            _enlarge(listener)
            listener.bind((0, self._groups))
        except OSError:
            listener.close()
            raise
        return listener

    async def _listen(self, listener: socket.socket) -> None:
        """Hint until the kernel had to drop events; then begin anew, with a hint."""
        loop = asyncio.get_running_loop()
        self._on_hint()
        try:
            while True:
                heard = await loop.sock_recv(listener, DATAGRAM_MAX_BYTES)
                if any(wanted in heard for wanted in self._contains()):
                    await asyncio.sleep(COALESCE_S)
                    _drain(listener)
                    self._on_hint()
                    await asyncio.sleep(PAUSE_S)
                # sock_recv returns at once while there is something to receive
                await asyncio.sleep(0)
        except OSError as error:
            if error.errno != errno.ENOBUFS:
                raise


def route_monitor(on_hint: Callable[[], None]) -> NetlinkMonitor:
    """Hear of links, addresses, routes, routing rules and switches of the network."""
    return NetlinkMonitor(socket.NETLINK_ROUTE, ROUTE_GROUPS, on_hint)


def nftables_monitor(
    tables: Callable[[], Iterable[str]], on_hint: Callable[[], None]
) -> NetlinkMonitor:
    """Hear of changes to nftables tables, by whomever.

    Args:
        tables: the names that count at that moment.
        on_hint: called after something changed.
    """

    def names() -> list[bytes]:
        return [name.encode() + b"\0" for name in tables()]

    return NetlinkMonitor(NETLINK_NETFILTER, NFTABLES_GROUPS, on_hint, names)


def _enlarge(listener: socket.socket) -> None:
    """Ask for a large buffer; beyond the host's limit where we may."""
    try:
        listener.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, RECEIVE_BUFFER_BYTES)
    except PermissionError:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)


def _drain(listener: socket.socket) -> None:
    """Forget what waits: it is covered by the hint that follows."""
    try:
        for _ in range(RECEIVE_BUFFER_BYTES // 64):
            listener.recv(DATAGRAM_MAX_BYTES)
    except BlockingIOError:
        return
