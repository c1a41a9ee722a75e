"""Connections to the members of an etcd cluster, and how they are secured."""

import contextlib
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import grpc
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from discovery.drivers.etcd.failure import EtcdError

log = logging.getLogger(__name__)

MESSAGE_BYTES_MAX: Final = 16 << 20  # a page or a fragment has about 3 MiB at most
LINGER_S: Final = 5.0  # longer than any call
# etcd ends connections of who pings more often than every 5 s, or without a call.
CHANNEL_OPTIONS: Final = (
    ("grpc.keepalive_time_ms", 10_000),
    ("grpc.keepalive_timeout_ms", 5_000),
    ("grpc.keepalive_permit_without_calls", 0),
    ("grpc.http2.max_pings_without_data", 0),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 2_000),
    ("grpc.max_reconnect_backoff_ms", 2_000),
    ("grpc.max_receive_message_length", MESSAGE_BYTES_MAX),
    ("grpc.max_send_message_length", MESSAGE_BYTES_MAX),
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.enable_http_proxy", 0),
)
_Signature = tuple[tuple[int, int, int], ...]


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """PEM files.

    Attributes:
        ca_path: whom etcd's certificates must come from.
        certificate_path: what we show; None: nothing.
        key_path: its key, not encrypted.
    """

    ca_path: Path
    certificate_path: Path | None = None
    key_path: Path | None = None

    def credentials(self) -> grpc.ChannelCredentials:
        """Read the files.

        Raises:
            EtcdError: one cannot be read, or is not what it should be.
        """
        ca = _read(self.ca_path)
        certificate = _read(self.certificate_path) if self.certificate_path else None
        key = _read(self.key_path) if self.key_path else None
        _validate(ca, certificate, key)
        return grpc.ssl_channel_credentials(ca, key, certificate)

    def signature(self) -> _Signature:
        """What the files look like from outside; empty if one is missing."""
        paths = (self.ca_path, self.certificate_path, self.key_path)
        with contextlib.suppress(OSError):
            stats = [path.stat() for path in paths if path]
            return tuple((s.st_mtime_ns, s.st_size, s.st_ino) for s in stats)
        return ()


class Members:
    """One connection for each member, opened when first used.

    Args:
        endpoints: ``host:port`` each.
        tls: None: in the clear.

    Raises:
        EtcdError: a TLS file is of no use.
    """

    def __init__(self, endpoints: tuple[str, ...], tls: TlsFiles | None = None) -> None:
        self._tls = tls
        self._signature: _Signature = ()
        self._names = endpoints
        self._channels = self._open()

    @property
    def names(self) -> tuple[str, ...]:
        """Every member, the one to ask first in front."""
        return self._names

    def channel(self, name: str) -> grpc.aio.Channel:
        """Return the connection to a member."""
        return self._channels[name]

    def avoid(self, name: str) -> None:
        """Ask this member last from now on."""
        others = tuple(other for other in self._names if other != name)
        self._names = (*others, name)

    async def renew(self) -> None:
        """Connect anew if the TLS files changed; calls under way go on."""
        if self._tls is None or self._tls.signature() in {(), self._signature}:
            return
        old = self._channels
        try:
            self._channels = self._open()
        except EtcdError as error:
            fields = {"error": str(error)}
            log.warning("etcd: TLS files are bad, kept", extra={"fields": fields})
            return
        for channel in old.values():
            await channel.close(LINGER_S)

    async def close(self) -> None:
        """Close every connection, and end what still runs on it."""
        for channel in self._channels.values():
            await channel.close()

    def _open(self) -> dict[str, grpc.aio.Channel]:
        if self._tls is None:
            return {
                name: grpc.aio.insecure_channel(name, options=CHANNEL_OPTIONS)
                for name in dict.fromkeys(self._names)
            }
        self._signature = self._tls.signature()
        credentials = self._tls.credentials()
        return {
            name: grpc.aio.secure_channel(name, credentials, options=CHANNEL_OPTIONS)
            for name in dict.fromkeys(self._names)
        }


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise EtcdError(f"{path}: {error.strerror}") from error


def _validate(ca: bytes, certificate: bytes | None, key: bytes | None) -> None:
    try:
        x509.load_pem_x509_certificates(ca)
        if certificate is None or key is None:
            return
        shown = x509.load_pem_x509_certificates(certificate)[0].public_key()
        held = load_pem_private_key(key, password=None).public_key()
    except (ValueError, TypeError) as error:
        raise EtcdError("certificate, key or authority is not valid PEM") from error
    if shown != held:
        raise EtcdError("the key does not belong to the certificate")
