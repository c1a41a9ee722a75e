"""How to reach a Kubernetes API server: kubeconfig files and service accounts.

Tokens, token files and client certificates are understood. Programs that print
credentials (``exec``) and old provider plugins are not: a daemon with root's rights
runs no program a file names.
"""

import base64
import binascii
import os
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import yaml

from kubespan.drivers.atomic_file import read_file
from kubespan.errors import DriverError, StateError

SERVICE_ACCOUNT: Final = Path("/var/run/secrets/kubernetes.io/serviceaccount")
KUBECONFIGS: Final = (
    Path("/etc/kubernetes/kubeconfig-kubelet"),
    Path("/etc/kubernetes/kubelet.conf"),
    Path("/var/lib/rancher/k3s/agent/kubelet.kubeconfig"),
    Path("/var/lib/rancher/rke2/agent/kubelet.kubeconfig"),
)
"""Tried in order: Talos, kubeadm, k3s, RKE2."""
_FILE_MAX_BYTES: Final = 1 << 20
_UNSUPPORTED: Final = ("exec", "auth-provider", "username", "password")

Fields = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ApiAccess:
    """Where the API server is and how to be let in.

    Attributes:
        origin: file this was read from, for messages.
        server: URL without a slash at its end.
        tls: None for plain HTTP.
        server_name: name to check the certificate for; empty for the URL's host.
        proxy: URL of an HTTP proxy; empty for none.
    """

    origin: str
    server: str
    tls: ssl.SSLContext | None = None
    server_name: str = ""
    proxy: str = ""
    _token: str = field(default="", repr=False)
    _token_file: Path | None = None

    def token(self) -> str:
        """Return the bearer token, read again each time because it is rotated.

        Raises:
            DriverError: the token file cannot be read.
        """
        if self._token_file is None:
            return self._token
        text = _read(self._token_file).decode(errors="replace").strip()
        if not text.isascii() or not text.isprintable():
            raise DriverError(f"read {self._token_file}", "that is no token")
        return text


@dataclass(frozen=True, slots=True)
class AccessFinder:
    """Finds the way in: the file named, else a service account, else a kubelet's file.

    Attributes:
        environment: the process's environment variables.
        service_account: directory with ``token`` and ``ca.crt``.
        kubeconfigs: files to try when none is named.
    """

    environment: Mapping[str, str] = field(default_factory=lambda: os.environ)
    service_account: Path = SERVICE_ACCOUNT
    kubeconfigs: tuple[Path, ...] = KUBECONFIGS

    def find(self, kubeconfig: str) -> ApiAccess:
        """Return the access; everything is read again each time.

        Args:
            kubeconfig: path of a file; empty searches the usual places.

        Raises:
            DriverError: there is none, or it cannot be used; says what to do.
        """
        if kubeconfig:
            return load_kubeconfig(Path(kubeconfig))
        if (self.service_account / "token").exists():
            return self._load_service_account()
        for path in self.kubeconfigs:
            if path.exists():
                return load_kubeconfig(path)
        raise DriverError(
            "find a kubeconfig",
            "no service account and no kubelet's file here; name one as"
            " kubeconfig in KubeSpanHostConfig",
        )

    def _load_service_account(self) -> ApiAccess:
        host = self.environment.get("KUBERNETES_SERVICE_HOST", "")
        port = self.environment.get("KUBERNETES_SERVICE_PORT", "443")
        operation = f"use service account {self.service_account}"
        if not host:
            raise DriverError(operation, "KUBERNETES_SERVICE_HOST is not set")
        authority = f"[{host}]" if ":" in host else host
        ca = _read(self.service_account / "ca.crt")
        return ApiAccess(
            origin=str(self.service_account),
            server=f"https://{authority}:{port}",
            tls=_tls(operation, ca=ca),
            _token_file=self.service_account / "token",
        )


def load_kubeconfig(path: Path) -> ApiAccess:
    """Return what the current context of a kubeconfig file says.

    Raises:
        DriverError: unreadable, incomplete, or something that is not supported.
    """
    return _Kubeconfig(path).access()


class _Kubeconfig:
    """One file; relative paths in it are relative to its directory."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._operation = f"read kubeconfig {path}"
        try:
            # Every scalar stays text: a token of digits is no number.
            document = yaml.load(_read(path), Loader=yaml.BaseLoader)  # noqa: S506 builds text, lists and mappings only
        except (yaml.YAMLError, ValueError, RecursionError):
            # Not chained: the parser quotes lines, and they hold secrets.
            raise DriverError(self._operation, "it is not readable as YAML") from None
        self._document = _mapping(document)

    def access(self) -> ApiAccess:
        """Return what the current context says."""
        name = _text(self._document, "current-context")
        context = self._named("contexts", "context", name)
        cluster = self._named("clusters", "cluster", _text(context, "cluster"))
        user_name = _text(context, "user")
        user = self._named("users", "user", user_name) if user_name else {}
        for unsupported in _UNSUPPORTED:
            if unsupported in user:
                raise self._error(
                    f"user {user_name!r} uses {unsupported!r}, which is not supported;"
                    " use a token, a token file or a client certificate"
                )
        token_file = _text(user, "tokenFile")
        return ApiAccess(
            origin=str(self._path),
            server=(server := self._server(cluster)),
            tls=self._tls(cluster, user) if server.startswith("https:") else None,
            server_name=_text(cluster, "tls-server-name"),
            proxy=_text(cluster, "proxy-url"),
            _token=_text(user, "token"),
            _token_file=self._path.parent / token_file if token_file else None,
        )

    def _server(self, cluster: Fields) -> str:
        server = _text(cluster, "server").rstrip("/")
        try:
            parts = urlsplit(server)
            good = parts.scheme in ("http", "https") and bool(parts.hostname)
            good = good and parts.port != 0
        except ValueError:
            good = False
        if not good:
            raise self._error(f"server {server!r} is not an http or https URL")
        return server

    def _tls(self, cluster: Fields, user: Fields) -> ssl.SSLContext:
        certificate = self._data(user, "client-certificate")
        key = self._data(user, "client-key")
        if bool(certificate) != bool(key):
            raise self._error("a client certificate and its key belong together")
        return _tls(
            self._operation,
            ca=self._data(cluster, "certificate-authority"),
            certificate=certificate,
            key=key,
            insecure=_text(cluster, "insecure-skip-tls-verify") == "true",
        )

    def _data(self, fields: Fields, name: str) -> bytes:
        """Return a certificate or key: inline in base64, or in a file of its own."""
        if inline := _text(fields, f"{name}-data"):
            try:
                return base64.b64decode(inline, validate=True)
            except binascii.Error:
                raise self._error(f"{name}-data is not base64") from None
        file = _text(fields, name)
        return _read(self._path.parent / file) if file else b""

    def _named(self, section: str, kind: str, name: str) -> Fields:
        entries = self._document.get(section)
        for entry in entries if isinstance(entries, list) else ():
            if _text(_mapping(entry), "name") == name and name:
                return _mapping(entry.get(kind))
        raise self._error(f"there is no {kind} {name!r} in it")

    def _error(self, reason: str) -> DriverError:
        return DriverError(self._operation, reason)


def _tls(
    operation: str,
    ca: bytes,
    certificate: bytes = b"",
    key: bytes = b"",
    *,
    insecure: bool = False,
) -> ssl.SSLContext:
    """Return a TLS context; without a CA the system's are trusted."""
    try:
        context = ssl.create_default_context(cadata=ca.decode("ascii") if ca else None)
        if certificate:
            _load_pair(context, certificate + b"\n" + key)
    except (ssl.SSLError, ValueError) as error:
        raise DriverError(
            operation, "its certificates or its key are not valid PEM"
        ) from error
    if insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _load_pair(context: ssl.SSLContext, pem: bytes) -> None:
    """Hand certificate and key over without ever writing them to a disk."""
    memory = os.memfd_create("kubespan", os.MFD_CLOEXEC)
    try:
        with os.fdopen(os.dup(memory), "wb") as file:
            file.write(pem)
        context.load_cert_chain(f"/proc/self/fd/{memory}", password="")
    finally:
        os.close(memory)


def _read(path: Path) -> bytes:
    try:
        content = read_file(path, _FILE_MAX_BYTES)
    except StateError as error:
        raise DriverError(f"read {path}", str(error)) from error
    if content is None:
        raise DriverError(f"read {path}", "there is no such file")
    return content


def _mapping(value: object) -> Fields:
    return value if isinstance(value, Mapping) else {}


def _text(fields: Fields, name: str) -> str:
    value = fields.get(name)
    return value if isinstance(value, str) else ""
