"""A gRPC channel to a discovery service, and what its failures mean in words.

Source:
    kubespan.md section 3.5; discovery.md section 9, items 15 and 16.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from pathlib import Path
from typing import Final

import grpc

from kubespan.drivers.discovery.proxy import choose_proxy
from kubespan.errors import DriverError
from kubespan.protocol.redirect import is_target

MESSAGE_MAX_BYTES: Final = 8 << 20
"""A full cluster is 4.6 MB; the default of 4 MiB would not take it."""
KEEPALIVE_MIN_S: Final = 10.0
KEEPALIVE_TIMEOUT_S: Final = 20.0
CA_MAX_BYTES: Final = 4 << 20
CERTIFICATE_BEGIN: Final = b"-----BEGIN CERTIFICATE-----"
KEY_END: Final = b"PRIVATE KEY-----"

SYSTEM_ROOTS: Final = (
    Path("/etc/ssl/certs/ca-certificates.crt"),  # Debian, Arch, Alpine, Gentoo
    Path("/etc/pki/tls/certs/ca-bundle.crt"),  # Fedora, RHEL
    Path("/etc/ssl/ca-bundle.pem"),  # openSUSE
    Path("/etc/ssl/cert.pem"),
)

_DETAIL_MAX: Final = 160

# What the core says, to what it means; the first that fits wins.
_MEANINGS: Final = (
    (r"CERTIFICATE_VERIFY_FAILED(?:: (?P<detail>[^:]+))?", "certificate not trusted"),
    (r"Hostname Verification Check failed", "certificate is for another host name"),
    (r"WRONG_VERSION_NUMBER", "the other side does not speak TLS"),
    (r"[Tt]ls handshake failed", "TLS handshake failed"),
    (r"Failed to create security handshaker", "CA file holds no usable certificate"),
    (r"HTTP proxy returned response code (?P<detail>\d+)", "the proxy refused"),
    (r"http1\.x server|Expected SETTINGS frame", "the other side does not speak gRPC"),
    (r"http2 header with status: (?P<detail>\d+)", "the other side is no gRPC service"),
    (r"Domain name not found|lookup failed|resolution failed", "host name not found"),
    (r"Connection refused", "connection refused"),
    (r"No route to host", "no route to host"),
    (r"[Nn]etwork is unreachable", "network unreachable"),
    (r"[Tt]imed? ?out", "no answer in time"),
    (
        r"last error: .*Socket closed",
        "closed while connecting (TLS expected?)",
    ),
    (r"Socket closed|[Cc]onnection reset|EOF|GOAWAY", "connection closed"),
    (r"Cancelling all calls", "the service stopped"),
)


class Failure(Enum):
    """What kind of no it was.

    Attributes:
        REFUSED: the service answered, and will say the same again.
        LATE: no answer within the deadline.
        LOST: the connection is of no use.
    """

    REFUSED = auto()
    LATE = auto()
    LOST = auto()


class CallFailed(DriverError):  # noqa: N818 - says what happened, as a sentence would
    """A call to a discovery service did not succeed.

    Attributes:
        kind: whether another try on this connection makes sense.
    """

    def __init__(
        self, operation: str, reason: str, kind: Failure = Failure.LOST
    ) -> None:
        super().__init__(operation, reason)
        self.kind = kind


_KIND_BY_CODE: Final = {
    grpc.StatusCode.DEADLINE_EXCEEDED: Failure.LATE,
    grpc.StatusCode.INVALID_ARGUMENT: Failure.REFUSED,
    grpc.StatusCode.RESOURCE_EXHAUSTED: Failure.REFUSED,
    grpc.StatusCode.FAILED_PRECONDITION: Failure.REFUSED,
    grpc.StatusCode.PERMISSION_DENIED: Failure.REFUSED,
    grpc.StatusCode.UNAUTHENTICATED: Failure.REFUSED,
}


@dataclass(frozen=True, slots=True)
class ShownCertificate:
    """What a service showed, trusted because an operator said so.

    Attributes:
        pem: the certificate itself.
        name: one of the names it is for.
    """

    pem: bytes
    name: str


@dataclass(frozen=True, slots=True)
class Target:
    """Where and how to connect.

    Attributes:
        endpoint: ``host:port``, IPv6 in brackets.
        plaintext: h2c without TLS.
        ca_file: PEM bundle to trust; empty for the system's.
        ttl_s: of what is pushed; pings are ten times as frequent.
        certificate_file: PEM certificate and key to show; empty shows none.
        shown: trust this certificate instead; None checks as usual.
        token: sent with every call; empty sends none, as nodes do.
    """

    endpoint: str
    plaintext: bool
    ca_file: str
    ttl_s: float
    certificate_file: str = ""
    shown: ShownCertificate | None = None
    token: str = field(default="", repr=False)


def open_channel(target: Target, environment: Mapping[str, str]) -> grpc.aio.Channel:
    """Return a channel; nothing is sent yet. Trusted roots are read anew each time.

    Raises:
        CallFailed: the endpoint, a file or the proxy cannot be used.
    """
    if not is_target(target.endpoint):
        raise CallFailed("connect", f"{target.endpoint!r} is not host:port")
    try:
        options = _options(target, environment)
    except DriverError as error:
        raise CallFailed("connect", error.reason) from error
    # Said in full, or a host called "unix" would be a socket's path.
    address = f"dns:///{target.endpoint}"
    if target.plaintext:
        return grpc.aio.insecure_channel(address, options)
    if target.shown is not None:
        options.append(("grpc.ssl_target_name_override", target.shown.name))
    roots = target.shown.pem if target.shown else _read_roots(target.ca_file)
    own = _read_own(target.certificate_file)
    credentials = grpc.ssl_channel_credentials(roots, own, own)
    return grpc.aio.secure_channel(address, credentials, options)


def explain(operation: str, error: grpc.RpcError | grpc.aio.UsageError) -> CallFailed:
    """Return what a failed call means, in words that stay the same while it does."""
    if not isinstance(error, grpc.aio.AioRpcError):
        return CallFailed(operation, "connection closed")
    code, details = error.code(), error.details() or ""
    return CallFailed(
        operation,
        _reason(code, details),
        _KIND_BY_CODE.get(code, Failure.LOST),
    )


def _reason(code: grpc.StatusCode, details: str) -> str:
    if code is grpc.StatusCode.UNAVAILABLE:
        for pattern, meaning in _MEANINGS:
            if found := re.search(pattern, details):
                detail = found.groupdict().get("detail")
                return f"{meaning} ({_printable(detail)})" if detail else meaning
    if code is grpc.StatusCode.DEADLINE_EXCEEDED:
        return "no answer in time"
    if code is grpc.StatusCode.UNIMPLEMENTED:
        return "the other side is no discovery service"
    name = code.name.lower().replace("_", " ")
    return f"{name}: {_printable(details)}" if details else name


def _printable(text: str) -> str:
    """Return text from outside, fit for a line of a log."""
    shown = "".join(char if char.isprintable() else " " for char in text[:_DETAIL_MAX])
    return " ".join(shown.split())


def _options(
    target: Target, environment: Mapping[str, str]
) -> list[tuple[str, int | str]]:
    keepalive_s = max(KEEPALIVE_MIN_S, target.ttl_s / 10)
    options: list[tuple[str, int | str]] = [
        ("grpc.keepalive_time_ms", int(keepalive_s * 1000)),
        ("grpc.keepalive_timeout_ms", int(KEEPALIVE_TIMEOUT_S * 1000)),
        ("grpc.keepalive_permit_without_calls", 0),
        # Or an idle watch goes unmonitored after two pings.
        ("grpc.http2.max_pings_without_data", 0),
        ("grpc.max_receive_message_length", MESSAGE_MAX_BYTES),
        # Or a new channel inherits the old one's connection and its backoff.
        ("grpc.use_local_subchannel_pool", 1),
    ]
    proxy = choose_proxy(target.endpoint, environment, plaintext=target.plaintext)
    if proxy is None:
        return [*options, ("grpc.enable_http_proxy", 0)]
    return [*options, ("grpc.http_proxy", proxy)]


def _read_roots(ca_file: str) -> bytes | None:
    """Return the PEM bundle to trust; None for those the gRPC library carries."""
    if not ca_file:
        return next(filter(None, map(_read_system_roots, SYSTEM_ROOTS)), None)
    bundle = _read_pem("CA file", ca_file)
    if CERTIFICATE_BEGIN not in bundle:
        raise CallFailed("read CA file", f"CA file {ca_file}: no PEM certificates")
    return bundle


def _read_own(certificate_file: str) -> bytes | None:
    """Return our certificate and key, one PEM text; None where none is wanted."""
    if not certificate_file:
        return None
    pem = _read_pem("certificate file", certificate_file)
    if CERTIFICATE_BEGIN not in pem or KEY_END not in pem:
        reason = f"certificate file {certificate_file}: no PEM certificate and key"
        raise CallFailed("read certificate file", reason)
    return pem


def _read_pem(called: str, path: str) -> bytes:
    try:
        with Path(path).open("rb") as file:
            pem = file.read(CA_MAX_BYTES + 1)
    except OSError as error:
        reason = f"{called} {path}: {error.strerror}"
        raise CallFailed(f"read {called}", reason) from error
    if len(pem) > CA_MAX_BYTES:
        raise CallFailed(f"read {called}", f"{called} {path}: too large")
    return pem


def _read_system_roots(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:
        return None
