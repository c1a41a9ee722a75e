"""From an address the operator wrote to one that can be bound, and why it cannot."""

import socket


def grpc_address(addr: str) -> str:
    """Return ``host:port`` for gRPC; no host means every address, IPv4 and IPv6.

    gRPC falls back to IPv4 on a host that has no IPv6.
    """
    host, _, port = addr.rpartition(":")
    return f"{host or '[::]'}:{port}"


def explain_refusal(addr: str) -> str:
    """Return why an address cannot be listened on, in the host's words.

    gRPC itself only says that it failed.
    """
    host, _, port = grpc_address(addr).rpartition(":")
    try:
        found = socket.getaddrinfo(
            host.strip("[]"),
            int(port),
            type=socket.SOCK_STREAM,
            flags=socket.AI_PASSIVE,
        )
        for family, kind, protocol, _, address in found:
            with socket.socket(family, kind, protocol) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind(address)
                probe.listen(1)
    except OSError as error:
        return error.strerror or str(error)
    return "refused by the host"
