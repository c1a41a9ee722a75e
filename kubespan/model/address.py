"""IP addresses and prefixes, as text and as the values of :mod:`ipaddress`."""

from ipaddress import (
    IPv4Address,
    IPv4Interface,
    IPv4Network,
    IPv6Address,
    IPv6Interface,
    IPv6Network,
)
from typing import TypeAlias

IPAddress: TypeAlias = IPv4Address | IPv6Address
Prefix: TypeAlias = IPv4Interface | IPv6Interface
"""An address with a prefix length; host bits are kept (kubespan.md 2.1)."""
Network: TypeAlias = IPv4Network | IPv6Network
"""A prefix without host bits."""
