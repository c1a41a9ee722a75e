"""A gRPC server as this service needs it, and what it does to hostile connections.

Source: discovery.md 3.5, 9.1; the options were tried one by one on grpcio 1.85.
"""

from pathlib import Path

import grpc

from discovery.drivers.certificate import CertificateFiles
from discovery.drivers.given_up import end_given_up_calls
from discovery.drivers.listening import explain_refusal, grpc_address
from discovery.drivers.listening_socket import CannotListen
from discovery.state.limits import REQUEST_BYTES_MAX

# Calls at once, of all clients; beyond it streams are reset, which a client cannot tell
# from an outage.
HERD_MAX = 100_000
# Calls at once of one connection, such as that of a proxy. A client with more of them
# waits or opens another connection.
STREAMS_MAX = 10_000
# For TCP, TLS and the first frames of HTTP/2 together.
HANDSHAKE_MS = 10_000
HEADERS_BYTES_MAX = 16 * 1024
# A connection whose peer answers no ping, or is in the middle of a frame, is closed
# after both; one without an open call after the third.
PING_MS, PONG_MS = 30_000, 10_000
IDLE_MS = 300_000

# Without the first, two services could share a port and split its clients. Then: pings
# of idle watchers are welcome (every 10 s for hours); a herd waits instead of being
# refused at random; dead connections are noticed within 40 s (without the timeout of
# pings, within 90), forgotten ones told to go; what is compressed is not unpacked but
# UNIMPLEMENTED, as by the reference.
OPTIONS = (
    ("grpc.so_reuseport", 0),
    ("grpc.http2.min_ping_interval_without_data_ms", 5_000),
    ("grpc.http2.max_ping_strikes", 0),
    ("grpc.server.max_pending_requests", HERD_MAX),
    ("grpc.server.max_pending_requests_hard_limit", HERD_MAX),
    ("grpc.keepalive_time_ms", PING_MS),
    ("grpc.keepalive_timeout_ms", PONG_MS),
    ("grpc.http2.ping_timeout_ms", PONG_MS),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.max_connection_idle_ms", IDLE_MS),
    ("grpc.max_receive_message_length", REQUEST_BYTES_MAX),
    ("grpc.max_concurrent_streams", STREAMS_MAX),
    ("grpc.server_handshake_timeout_ms", HANDSHAKE_MS),
    ("grpc.max_metadata_size", HEADERS_BYTES_MAX),
    ("grpc.absolute_max_metadata_size", HEADERS_BYTES_MAX),
    ("grpc.compression_enabled_algorithms_bitset", 1),
)


def new_server(
    handlers: tuple[grpc.GenericRpcHandler, ...],
    *,
    calls_max: int,
    connections_max: int,
) -> grpc.aio.Server:
    """Return a server that does not listen yet; call it in its loop.

    Args:
        handlers: what it serves.
        calls_max: open calls; more are RESOURCE_EXHAUSTED.
        connections_max: open connections; more are closed at once.
    """
    end_given_up_calls()
    connections = ("grpc.max_allowed_incoming_connections", connections_max)
    return grpc.aio.server(
        handlers=handlers,
        options=(*OPTIONS, connections),
        maximum_concurrent_rpcs=calls_max,
    )


def listen_for_calls(
    server: grpc.aio.Server, addr: str, files: CertificateFiles | None
) -> str:
    """Bind a server to ``host:port``, with TLS if there are files for it.

    Returns:
        ``host:port``, with the port that was chosen.

    Raises:
        CannotListen: the address is refused.
        CertificateError: the files cannot serve.
    """
    wanted = grpc_address(addr)
    credentials = files.credentials() if files else None
    try:
        if credentials is None:
            port = server.add_insecure_port(wanted)
        else:
            port = server.add_secure_port(wanted, credentials)
    except RuntimeError as error:
        reason = explain_refusal(addr)
        raise CannotListen(f"cannot listen on {addr}: {reason}") from error
    return f"{wanted.rpartition(':')[0]}:{port}"


def certificate_files(
    certificate_path: Path | None, key_path: Path | None, client_ca_path: Path | None
) -> CertificateFiles | None:
    """Return the files TLS is served from; None if it is not."""
    if certificate_path is None or key_path is None:
        return None
    return CertificateFiles(certificate_path, key_path, client_ca_path)
