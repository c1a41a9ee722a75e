"""Certificate and key on disk, read again when they change.

gRPC asks at every TLS handshake; as long as the files look the same that costs two
``stat`` calls. A pair that is missing, broken or half replaced is told once, and the
old one keeps serving.

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
    """The files are no certificate and its key."""


class CertificateFiles:
    """A pair of PEM files.

    Args:
        certificate_path: certificate of the server, then the chain.
        key_path: its key, not encrypted.
    """

    def __init__(self, certificate_path: Path, key_path: Path) -> None:
        self._paths = (certificate_path, key_path)
        self._seen: Signature = ()

    def load(self) -> grpc.ServerCertificateConfiguration:
        """Read the pair.

        Raises:
            CertificateError: a file cannot be read or they do not belong together.
        """
        self._seen = self._signature()
        try:
            certificate, key = (path.read_bytes() for path in self._paths)
        except OSError as error:
            raise CertificateError(f"{error.filename}: {error.strerror}") from error
        _validate_pair(certificate, key)
        return grpc.ssl_server_certificate_configuration([(key, certificate)])

    def load_if_changed(self) -> grpc.ServerCertificateConfiguration | None:
        """Read the pair again if the files changed; None to go on with the old one."""
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
            CertificateError: the pair cannot serve now.
        """
        # the stubs do not know that None means no change
        fetch = cast(
            "Callable[[], grpc.ServerCertificateConfiguration]", self.load_if_changed
        )
        return grpc.dynamic_ssl_server_credentials(
            self.load(), fetch, require_client_authentication=False
        )

    def _signature(self) -> Signature:
        """What the files look like from outside; empty if one is missing."""
        try:
            stats = [path.stat() for path in self._paths]
        except OSError:
            return ()
        return tuple((s.st_mtime_ns, s.st_size, s.st_ino) for s in stats)


def _validate_pair(certificate: bytes, key: bytes) -> None:
    try:
        of_certificate = x509.load_pem_x509_certificate(certificate).public_key()
        of_key = load_pem_private_key(key, password=None).public_key()
    except (ValueError, TypeError) as error:
        raise CertificateError("certificate or key is not valid PEM") from error
    if of_certificate != of_key:
        raise CertificateError("the key does not belong to the certificate")
