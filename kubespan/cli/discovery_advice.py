"""What an operator can do when a discovery service does not answer as it should."""

from typing import Final

_ADVICE: Final = (
    (
        "does not speak TLS",
        "a service without TLS has an endpoint that begins with http://",
    ),
    (
        "TLS expected",
        "a service with TLS is at https://; some want --certificate-file as well",
    ),
    (
        "certificate has expired",
        "renew the service's certificate, or see that both clocks are right",
    ),
    (
        "certificate not trusted",
        "name its authority with --ca-file, or ask without checking: --insecure",
    ),
    (
        "another host name",
        "use a name the certificate is for, or ask without checking: --insecure",
    ),
    (
        "TLS handshake failed",
        "perhaps it wants --certificate-file, or is no TLS server",
    ),
    (
        "connection refused",
        "nothing listens there: is the service running, is the port right?",
    ),
    (
        "host name not found",
        "see that the name is right and that this host resolves names",
    ),
    (
        "no answer in time",
        "the host is away, a firewall drops what is sent, or the service is stuck",
    ),
    ("no route to host", "see that the address is right and the network is up"),
    ("network unreachable", "see that the address is right and the network is up"),
    (
        "does not speak gRPC",
        "something else listens there; pages and metrics have ports of their own",
    ),
    (
        "no gRPC service",
        "a web server or proxy answers; it must pass gRPC (HTTP/2) on",
    ),
    ("no discovery service", "another gRPC service listens there"),
    (
        "permission denied",
        "the service does not admit this cluster: give --token or a --cluster-id",
    ),
    (
        "unauthenticated",
        "the service, or a proxy before it, wants to know who asks: --token",
    ),
    ("resource exhausted", "too many calls from this address; wait a few seconds"),
    ("the proxy refused", "see https_proxy, http_proxy and no_proxy"),
    ("CA file", "see --ca-file"),
    ("certificate file", "see --certificate-file"),
    ("token file", "see discoveryTokenFiles in the configuration, or give --token"),
)


def advise(reason: str) -> str:
    """Return what to do about a reason, as a clause; empty if nobody knows."""
    return next((advice for part, advice in _ADVICE if part in reason), "")


def with_advice(reason: str) -> str:
    """Return a reason and, after a semicolon, what to do about it."""
    advice = advise(reason)
    return f"{reason}; {advice}" if advice else reason
