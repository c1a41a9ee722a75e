"""Certificate and key on disk, read again when they change.

gRPC asks at every TLS handshake; as long as the files look the same that costs two or
three ``stat`` calls. Files that are missing, broken or half replaced are told once, and
the old ones keep serving.

Source: discovery.md 3.6.
"""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import cast

import grpc
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key

log = logging.getLogger(__name__)
Signature = tuple[tuple[int, int, int], ...]


class CertificateError(Exception):
    """The files are no certificate and its key, or no authority."""


class CertificateFiles:
    """PEM files.

    Args:
        certificate_path: certificate of the server, then the chain.
        key_path: its key, not encrypted.
        client_ca_path: authorities; given: clients must show a certificate of one.
    """

    def __init__(
        self, certificate_path: Path, key_path: Path, client_ca_path: Path | None = None
    ) -> None:
        self._pair = (certificate_path, key_path)
        self._client_ca_path = client_ca_path
        self._seen: Signature = ()

    def load(self) -> grpc.ServerCertificateConfiguration:
        """Read the files.

        Raises:
            CertificateError: one cannot be read or they do not belong together.
        """
        self._seen = self._signature()
        certificate, key = map(_read, self._pair)
        _validate_pair(certificate, key)
        authorities = None
        if self._client_ca_path is not None:
            authorities = _read(self._client_ca_path)
            _validate_authorities(authorities)
        return grpc.ssl_server_certificate_configuration(
            [(key, certificate)], authorities
        )

    def load_if_changed(self) -> grpc.ServerCertificateConfiguration | None:
        """Read the files again if they changed; None to go on with the old ones."""
        if self._signature() == self._seen:
            return None
        try:
            configuration = self.load()
        except CertificateError as error:
            fields = {"error": str(error)}
            log.warning("certificate kept, files are bad", extra={"fields": fields})
            return None
        log.info("certificate reloaded", extra={"fields": {}})
        return configuration

    def credentials(self) -> grpc.ServerCredentials:
        """Return credentials for a port, TLS 1.2 or newer.

        Raises:
            CertificateError: the files cannot serve now.
        """
        # the stubs do not know that None means no change
        fetch = cast(
            "Callable[[], grpc.ServerCertificateConfiguration]", self.load_if_changed
        )
        return grpc.dynamic_ssl_server_credentials(
            self.load(),
            fetch,
            require_client_authentication=self._client_ca_path is not None,
        )

    def _signature(self) -> Signature:
        """What the files look like from outside; empty if one is missing."""
        authorities = (self._client_ca_path,) if self._client_ca_path else ()
        try:
            stats = [path.stat() for path in (*self._pair, *authorities)]
        except OSError:
            return ()
        return tuple((s.st_mtime_ns, s.st_size, s.st_ino) for s in stats)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise CertificateError(f"{error.filename}: {error.strerror}") from error


def _validate_pair(certificate: bytes, key: bytes) -> None:
    try:
        of_certificate = x509.load_pem_x509_certificate(certificate).public_key()
        of_key = load_pem_private_key(key, password=None).public_key()
    except (ValueError, TypeError) as error:
        raise CertificateError("certificate or key is not valid PEM") from error
    if of_certificate != of_key:
        raise CertificateError("the key does not belong to the certificate")


def _validate_authorities(authorities: bytes) -> None:
    try:
        x509.load_pem_x509_certificates(authorities)
    except ValueError as error:
        raise CertificateError("the authority of clients is not valid PEM") from error
