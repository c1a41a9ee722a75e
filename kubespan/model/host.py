"""The operating system this daemon runs on, as it was seen."""

from dataclasses import dataclass
from enum import IntEnum

from kubespan.model.address import Prefix


class Scope(IntEnum):
    """Address scopes of rtnetlink; link and narrower are never published."""

    GLOBAL = 0
    SITE = 200
    LINK = 253
    HOST = 254


@dataclass(frozen=True, slots=True)
class HostLink:
    """A network link.

    Attributes:
        kind: rtnetlink kind; empty for hardware.
        ethernet: its link type is Ethernet (ARPHRD_ETHER).
        hardware_address: 6 or 8 bytes, or any other length; may be empty.
        up: operational state up or unknown, and for hardware also a carrier.
    """

    name: str
    kind: str
    ethernet: bool
    hardware_address: bytes
    up: bool


@dataclass(frozen=True, slots=True)
class HostAddress:
    """An address on a link, with its prefix length and scope."""

    link: str
    address: Prefix
    scope: int


@dataclass(frozen=True, slots=True)
class HostFacts:
    """What the host is and has.

    Attributes:
        hostname: without the domain.
        domainname: may be empty.
        operating_system: such as ``Debian GNU/Linux 12 (bookworm)``.
        links: sorted by name.
        addresses: sorted by link name, then as the kernel lists them.
    """

    hostname: str
    domainname: str
    operating_system: str
    links: tuple[HostLink, ...]
    addresses: tuple[HostAddress, ...]

    @property
    def key(self) -> str:
        """Always ``host``."""
        return "host"


@dataclass(frozen=True, slots=True)
class KubernetesNode:
    """Our own Node object, as far as we need it.

    Attributes:
        pod_networks: ``spec.podCIDRs``; may be empty.
    """

    name: str
    pod_networks: tuple[Prefix, ...]

    @property
    def key(self) -> str:
        """The node's name."""
        return self.name
