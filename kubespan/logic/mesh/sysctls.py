"""Kernel switches the mesh relies on.

Source:
    kubespan.md section 4.11.
"""

from collections.abc import Collection
from ipaddress import IPv4Interface, IPv6Interface
from typing import Final

from kubespan.model.address import Prefix
from kubespan.model.config import SysctlPolicy
from kubespan.model.constants import LINK_NAME
from kubespan.model.network import SysctlSpec

RP_FILTER: Final = f"net/ipv4/conf/{LINK_NAME}/rp_filter"
RP_FILTER_ALL: Final = "net/ipv4/conf/all/rp_filter"
FORWARDING_IPV4: Final = "net/ipv4/ip_forward"
FORWARDING_IPV6: Final = "net/ipv6/conf/all/forwarding"
SYSCTL_NAMES: Final = (RP_FILTER, RP_FILTER_ALL, FORWARDING_IPV4, FORWARDING_IPV6)
"""Every switch that may ever be wanted."""


def mesh_sysctls(
    advertised: Collection[Prefix], policy: SysctlPolicy
) -> list[SysctlSpec]:
    """Return the switches: for filters always, forwarding where we offer networks.

    Args:
        advertised: networks other nodes reach through this one; may be empty.
        policy: what we may do with switches of the whole host.
    """
    enforce = policy is SysctlPolicy.SET
    specs = [_own_filter(), _filter_of_all_links(enforce=enforce)]
    if any(isinstance(prefix, IPv4Interface) for prefix in advertised):
        specs.append(_forwarding_ipv4(enforce=enforce))
    if any(isinstance(prefix, IPv6Interface) for prefix in advertised):
        specs.append(_forwarding_ipv6(enforce=enforce))
    return specs


def _own_filter() -> SysctlSpec:
    """Return no filter for our own link.

    Loose (2) is not enough: on a link without an IPv4 address, such as ours, the kernel
    (``fib_validate_source``) drops under it all that it would drop under strict.
    """
    return SysctlSpec(
        name=RP_FILTER,
        accepted=("0",),
        enforce=True,
        why="packets from the mesh come from addresses whose unmarked route is"
        " another link; a strict reverse-path filter drops them",
    )


def _filter_of_all_links(*, enforce: bool) -> SysctlSpec:
    """Return no filter for all links: the kernel takes the larger of this and ours."""
    return SysctlSpec(
        name=RP_FILTER_ALL,
        accepted=("0",),
        enforce=enforce,
        why="it overrides the switch of the mesh link, and IPv4 packets from the mesh"
        " are dropped; set it per link instead",
    )


def _forwarding_ipv4(*, enforce: bool) -> SysctlSpec:
    return SysctlSpec(
        name=FORWARDING_IPV4,
        accepted=("1",),
        enforce=enforce,
        why="this node offers IPv4 networks to the mesh and must forward to them",
    )


def _forwarding_ipv6(*, enforce: bool) -> SysctlSpec:
    return SysctlSpec(
        name=FORWARDING_IPV6,
        accepted=("1",),
        enforce=enforce,
        why="this node offers IPv6 networks to the mesh and must forward to them;"
        " with forwarding on, links that learn their address or default route from"
        " router advertisements need accept_ra=2",
    )
