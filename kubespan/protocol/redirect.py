"""Where a discovery service may send us: ``host:port`` and nothing else."""

import re
from ipaddress import AddressValueError, IPv6Address
from typing import Final

from kubespan.model.endpoint import PORT_MAX

HOPS_MAX: Final = 5
"""Redirects followed in a row; then the configured endpoint is asked again."""
FAILURES_MAX: Final = 3
"""Failures in a row at a redirected endpoint; then the same."""

_HOST_MAX: Final = 253
_NAME: Final = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9._-]*[A-Za-z0-9_.])?", re.ASCII)
_TARGET: Final = re.compile(
    r"(\[(?P<ip>[^\[\]]+)\]|(?P<host>[^:\[\]]+)):(?P<port>[0-9]{1,5})"
)


def is_target(text: str) -> bool:
    """Tell whether ``text`` is ``host:port``, IPv6 in brackets, and no other scheme."""
    found = _TARGET.fullmatch(text)
    if found is None or not 1 <= int(found["port"]) <= PORT_MAX:
        return False
    if found["ip"] is not None:
        return _is_ipv6(found["ip"])
    host = found["host"]
    return len(host) <= _HOST_MAX and _NAME.fullmatch(host) is not None


class RedirectTrail:
    """Which endpoint to ask: the configured one, or where redirects led.

    A redirect holds for all later connections, until it leads in a circle or the
    place it led to stays unreachable.

    Args:
        configured: ``host:port``.

    Attributes:
        endpoint: the one to use now.
    """

    def __init__(self, configured: str) -> None:
        self._configured = configured
        self._hops = 0
        self._failures = 0
        self.endpoint = configured

    def follow(self, target: str) -> str:
        """Go where we were sent; return why not, empty if we do."""
        self._failures = 0
        self._hops += 1
        if self._hops > HOPS_MAX:
            self._return()
            return f"redirected more than {HOPS_MAX} times in a row"
        self.endpoint = target
        return ""

    def arrived(self) -> None:
        """Note that this endpoint serves us."""
        self._hops = 0
        self._failures = 0

    def failed(self) -> None:
        """Note that this endpoint did not answer."""
        self._failures += 1
        if self._failures >= FAILURES_MAX:
            self._return()

    def _return(self) -> None:
        self.endpoint = self._configured
        self._hops = 0
        self._failures = 0


def _is_ipv6(text: str) -> bool:
    try:
        IPv6Address(text)
    except AddressValueError:
        return False
    return True
