"""Which proxy of the environment a connection must go through.

Decided here and not by the gRPC core, which knows only lower-case variables, takes a
TLS connection through ``http_proxy``, and on a SOCKS proxy silently connects directly.
"""

from collections.abc import Mapping
from ipaddress import ip_address, ip_network
from urllib.parse import urlsplit

from kubespan.errors import DriverError
from kubespan.model.address import IPAddress


def choose_proxy(
    endpoint: str, environment: Mapping[str, str], *, plaintext: bool
) -> str | None:
    """Return the URL of the HTTP proxy to tunnel through; None to connect directly.

    ``grpc_proxy`` wins over ``https_proxy`` (with TLS) or ``http_proxy`` (without),
    these over ``all_proxy``; lower case over upper case. Loopback and what
    ``no_proxy`` names are never proxied.

    Args:
        endpoint: ``host:port``, IPv6 in brackets.
        environment: the process's.
        plaintext: whether the connection is without TLS.

    Raises:
        DriverError: the proxy is of a kind that is not supported.
    """
    scheme = "http" if plaintext else "https"
    url = _first(environment, "grpc_proxy", f"{scheme}_proxy", "all_proxy")
    if not url or _is_exempt(endpoint, _first(environment, "no_proxy")):
        return None
    url = url if "://" in url else f"http://{url}"
    kind = url.partition("://")[0].lower()
    if kind != "http":
        raise DriverError(
            "choose a proxy",
            f"{kind} proxies are not supported; set {scheme}_proxy to an http:// one,"
            " or name the service in no_proxy",
        )
    return url


def _first(environment: Mapping[str, str], *names: str) -> str:
    for name in names:
        for spelling in (name, name.upper()):
            if value := environment.get(spelling, "").strip():
                return value
    return ""


def _is_exempt(endpoint: str, no_proxy: str) -> bool:
    host = (urlsplit(f"//{endpoint}").hostname or "").rstrip(".")
    port = endpoint.rpartition(":")[2]
    ip = _ip_or_none(host)
    if host == "localhost" or (ip is not None and ip.is_loopback):
        return True
    entries = [entry.strip().lower() for entry in no_proxy.split(",")]
    return any(_exempts(entry, host, port, ip) for entry in entries if entry)


def _exempts(entry: str, host: str, port: str, ip: IPAddress | None) -> bool:
    """Tell whether one entry of ``no_proxy`` names the host."""
    if entry == "*":
        return True
    if ip is not None:
        return _contains(entry, ip) or entry in (f"{host}:{port}", f"[{host}]:{port}")
    name, colon, entry_port = entry.partition(":")
    if colon and entry_port != port:
        return False
    suffix = name.removeprefix("*").removeprefix(".")
    return host == suffix or host.endswith(f".{suffix}")


def _contains(entry: str, ip: IPAddress) -> bool:
    try:
        return ip in ip_network(entry.strip("[]"), strict=False)
    except ValueError:
        return False


def _ip_or_none(text: str) -> IPAddress | None:
    try:
        return ip_address(text)
    except ValueError:
        return None
