"""Links, addresses, routes, rules and kernel switches the mesh needs.

Source:
    kubespan.md sections 4.5 to 4.7 and 4.11.
"""

from dataclasses import dataclass
from enum import IntEnum

from kubespan.model.address import Prefix
from kubespan.model.wireguard import WireGuardChoice


class Family(IntEnum):
    """Address families, as the kernel numbers them."""

    INET = 2
    INET6 = 10


@dataclass(frozen=True, slots=True)
class LinkSpec:
    """The mesh link: a WireGuard link that is up."""

    name: str
    mtu_bytes: int
    wireguard: WireGuardChoice = WireGuardChoice.AUTO

    @property
    def key(self) -> str:
        """The link's name."""
        return self.name


@dataclass(frozen=True, slots=True)
class AddressSpec:
    """An address on a link, with its prefix length; scope global, permanent."""

    link: str
    address: Prefix

    @property
    def key(self) -> str:
        """``link/address/length``."""
        return f"{self.link}/{self.address}"


@dataclass(frozen=True, slots=True)
class RouteSpec:
    """A default route in a table of its own: into a link, or nowhere.

    Attributes:
        link: empty makes the destination unreachable; the MTU is then 0.
    """

    family: Family
    table: int
    link: str
    metric: int
    mtu_bytes: int

    @property
    def key(self) -> str:
        """``family/table/metric``."""
        return f"{self.family.name.lower()}/{self.table}/{self.metric}"


@dataclass(frozen=True, slots=True)
class RoutingRuleSpec:
    """Packets with a mark look up a table."""

    family: Family
    priority: int
    mark: int
    mask: int
    table: int

    @property
    def key(self) -> str:
        """``family/priority``."""
        return f"{self.family.name.lower()}/{self.priority}"


@dataclass(frozen=True, slots=True)
class SysctlSpec:
    """A kernel switch the mesh relies on.

    Attributes:
        name: path below ``/proc/sys`` with slashes: ``net/ipv4/ip_forward``.
        accepted: values that serve, the one to set first.
        enforce: set it; otherwise only tell the operator.
        why: one sentence for the operator.
    """

    name: str
    accepted: tuple[str, ...]
    enforce: bool
    why: str

    @property
    def key(self) -> str:
        """The switch's name."""
        return self.name
