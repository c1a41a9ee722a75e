"""Where a discovery service is, from the URL an operator wrote.

Source:
    kubespan.md sections 3.5 and 6.5.
"""

import re
from dataclasses import dataclass
from ipaddress import IPv6Address
from typing import Final
from urllib.parse import urlsplit

PORT_MAX: Final = 65535
_SCHEMES: Final = ("http", "https", "grpc")
_HOST_NAME: Final = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_.-]{0,252})")
_URL_MAX_CHARACTERS: Final = 2048


@dataclass(frozen=True, slots=True)
class ServiceAddress:
    """What a discovery client connects to.

    Attributes:
        endpoint: ``host:port``, IPv6 in brackets.
        plaintext: h2c without TLS; only for ``http://``.
        path: what the URL said after the host; never used.
    """

    endpoint: str
    plaintext: bool
    path: str = ""


def parse_service_url(url: str) -> ServiceAddress:
    """Return the address a URL stands for; port 80 for ``http``, otherwise 443.

    Raises:
        ValueError: with one of the texts of section 6.5, or why it is no URL.
    """
    if not url:
        raise ValueError("endpoint is required")
    if len(url) > _URL_MAX_CHARACTERS or not url.isprintable() or " " in url:
        raise ValueError("endpoint is not a URL")
    scheme, separator, _ = url.partition("://")
    if not separator or not scheme:
        raise ValueError("endpoint scheme is required")
    if scheme.lower() not in _SCHEMES:
        raise ValueError("endpoint scheme must be http://, https:// or grpc://")
    return _address(url, plaintext=scheme.lower() == "http")


def _address(url: str, *, plaintext: bool) -> ServiceAddress:
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError as error:
        raise ValueError("endpoint is not a URL") from error
    if not host:
        raise ValueError("endpoint host is required")
    if parts.username is not None:
        raise ValueError("endpoint must not hold a user name or password")
    if port == 0:
        raise ValueError(f"endpoint port must be within 1..{PORT_MAX}")
    default = 80 if plaintext else 443
    return ServiceAddress(f"{_checked(host)}:{port or default}", plaintext, parts.path)


def _checked(host: str) -> str:
    """Return a host name or address as it goes before a colon."""
    if ":" in host:
        try:
            address = IPv6Address(host)
        except ValueError as error:
            raise ValueError("endpoint host is not an IPv6 address") from error
        if address.scope_id:
            raise ValueError("endpoint host must not name an interface")
        return f"[{address}]"
    if not _HOST_NAME.fullmatch(host):
        raise ValueError("endpoint host is not a host name")
    return host
