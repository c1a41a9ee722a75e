"""TLS of the web pages, with the certificate files of the API.

At every handshake the files are looked at; as long as they look the same that costs
two ``stat`` calls. A pair that is missing, broken or half replaced is told once, and
the old one keeps serving.
"""

import logging
import ssl
from pathlib import Path

log = logging.getLogger(__name__)
Signature = tuple[tuple[int, int, int], ...]


class CannotUseCertificate(Exception):  # noqa: N818 - says what happened
    """The files are no certificate and its key; the operator can fix it."""


class PageCertificate:
    """A pair of PEM files, for as many handshakes as come.

    Args:
        certificate_path: certificate of the server, then the chain.
        key_path: its key, not encrypted.

    Raises:
        CannotUseCertificate: the pair cannot serve now.
    """

    def __init__(self, certificate_path: Path, key_path: Path) -> None:
        self._paths = (certificate_path, key_path)
        self._seen = self._signature()
        self._newest = self._load()

    def context(self) -> ssl.SSLContext:
        """Return what a listener needs; TLS 1.2 or newer."""
        context = self._load()
        # called at every handshake, also of clients that name no server
        context.sni_callback = self._use_newest
        return context

    def _use_newest(
        self, connection: ssl.SSLObject, _name: str | None, _context: ssl.SSLContext
    ) -> None:
        signature = self._signature()
        if signature != self._seen:
            self._seen = signature
            self._reload()
        connection.context = self._newest

    def _reload(self) -> None:
        try:
            self._newest = self._load()
        except CannotUseCertificate as error:
            fields = {"error": str(error)}
            log.warning(
                "page certificate kept, files are bad", extra={"fields": fields}
            )
        else:
            log.info("page certificate reloaded", extra={"fields": {}})

    def _load(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.set_alpn_protocols(["http/1.1"])
        try:
            # an encrypted key must not make OpenSSL ask on the terminal
            context.load_cert_chain(*self._paths, password="")
        except (OSError, ValueError) as error:
            raise CannotUseCertificate(_explain(error)) from error
        return context

    def _signature(self) -> Signature:
        """What the files look like from outside; empty if one is missing."""
        try:
            stats = [path.stat() for path in self._paths]
        except OSError:
            return ()
        return tuple((s.st_mtime_ns, s.st_size, s.st_ino) for s in stats)


def _explain(error: Exception) -> str:
    if isinstance(error, ssl.SSLError) and error.reason:
        return error.reason.replace("_", " ").lower()
    return getattr(error, "strerror", None) or str(error)
