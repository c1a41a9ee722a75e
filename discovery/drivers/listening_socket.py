"""Sockets that plain HTTP is served on, for an address the operator wrote."""

import socket
from contextlib import ExitStack

from discovery.drivers.listening import grpc_address

# What a peer has not acknowledged or taken for so long, it will not (Linux).
UNREAD_MS = 30_000
BACKLOG = 128


class CannotListen(Exception):  # noqa: N818 - says what happened, as a sentence would
    """An address cannot be listened on; the operator can fix it."""


def listen(addr: str) -> list[socket.socket]:
    """Return listening sockets, all of one port; the caller closes them.

    Args:
        addr: ``host:port``; no host is every address, IPv4 and IPv6; port 0 is any.

    Returns:
        One for each address of the host, at least one.

    Raises:
        CannotListen: one of them is refused; none stays open.
    """
    host, _, port = grpc_address(addr).rpartition(":")
    try:
        if addr.startswith(":"):
            return [_listen_everywhere(int(port))]
        return _listen_on_host(host.strip("[]"), int(port))
    except OSError as error:
        reason = error.strerror or str(error)
        raise CannotListen(f"cannot listen on {addr}: {reason}") from error


def address_from_socket(listening: socket.socket) -> str:
    """Return ``host:port`` of a socket, as a client on this host can use it."""
    host, port = listening.getsockname()[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _listen_everywhere(port: int) -> socket.socket:
    """Listen on IPv6 and IPv4 at once; on a host without IPv6 on IPv4."""
    if not socket.has_dualstack_ipv6():
        return _listen_on(socket.AF_INET, ("0.0.0.0", port))
    return _listen_on(socket.AF_INET6, ("::", port))


def _listen_on_host(host: str, port: int) -> list[socket.socket]:
    found = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )
    with ExitStack() as stack:
        sockets: list[socket.socket] = []
        for family, _, _, _, address in dict.fromkeys(found):
            chosen = sockets[0].getsockname()[1] if sockets else port
            listening = _listen_on(family, (address[0], chosen, *address[2:]))
            sockets.append(stack.enter_context(listening))
        stack.pop_all()
    return sockets


def _listen_on(family: int, address: tuple[object, ...]) -> socket.socket:
    with ExitStack() as stack:
        listening = socket.socket(family, socket.SOCK_STREAM)
        stack.callback(listening.close)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNREAD_MS)
        if family == socket.AF_INET6:
            everywhere = address[0] == "::"
            listening.setsockopt(
                socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, not everywhere
            )
        listening.bind(address)
        listening.listen(BACKLOG)
        listening.setblocking(False)
        stack.pop_all()
    return listening
