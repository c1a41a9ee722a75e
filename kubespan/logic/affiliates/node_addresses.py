"""Which of a host's addresses are told to whom.

::

    every address ── usable ──┬── links that are up + external ──► current
         - excluded links     └── links that are up - external
                                             - SideroLink ───────► routed

Links are excluded by name, which Talos has no need for: on other hosts bridges of
container engines have the same addresses everywhere, and lead nowhere from outside.

Source:
    kubespan.md section 2.3.
"""

from collections.abc import Collection, Iterable
from fnmatch import fnmatchcase
from typing import Final

from kubespan.logic.identity.addressing import is_siderolink_ula
from kubespan.model.address import IPAddress, Network, Prefix
from kubespan.model.host import HostFacts, Scope

NARROW_SCOPE: Final = Scope.LINK


def current_addresses(
    facts: HostFacts,
    external: Iterable[Prefix] = (),
    excluded: Collection[str] = (),
) -> tuple[Prefix, ...]:
    """Return what the node can be reached at: candidates for endpoints.

    Args:
        facts: the host as it was seen.
        external: addresses a cloud keeps for this host and the host does not have.
        excluded: shell patterns of names of links that are passed over.

    Returns:
        Sorted in v1 order, without exact duplicates.
    """
    return _sorted({*_usable_addresses(facts, excluded), *external})


def routed_addresses(
    facts: HostFacts,
    external: Iterable[Prefix] = (),
    excluded: Collection[str] = (),
) -> tuple[Prefix, ...]:
    """Return what the node has: the addresses others route to it.

    External addresses are not among them: the host does not own them, and traffic to
    them would be drawn into the mesh for nothing.

    Returns:
        Sorted in v1 order, without exact duplicates.
    """
    foreign = {prefix.ip for prefix in external}
    return _sorted(
        {
            prefix
            for prefix in _usable_addresses(facts, excluded)
            if prefix.ip not in foreign and not is_siderolink_ula(prefix.ip)
        }
    )


def without_kubernetes(
    addresses: Iterable[Prefix], networks: Collection[Network]
) -> tuple[Prefix, ...]:
    """Return the addresses outside pod and service networks, in the same order."""
    return tuple(
        prefix
        for prefix in addresses
        if not any(
            prefix.version == network.version and prefix.ip in network
            for network in networks
        )
    )


def _usable_addresses(facts: HostFacts, excluded: Collection[str]) -> set[Prefix]:
    up = {
        link.name
        for link in facts.links
        if link.up and not any(fnmatchcase(link.name, each) for each in excluded)
    }
    return {
        seen.address
        for seen in facts.addresses
        if seen.link in up
        and seen.scope < NARROW_SCOPE
        and not _is_local(seen.address.ip)
    }


def _is_local(ip: IPAddress) -> bool:
    """Tell whether an address means something else, or nothing, on another host."""
    return ip.is_loopback or ip.is_multicast or ip.is_link_local or ip.is_unspecified


def _sorted(prefixes: Iterable[Prefix]) -> tuple[Prefix, ...]:
    """Sort IPv4 before IPv6, then by number, then shorter prefixes first (v1)."""
    return tuple(sorted(prefixes, key=_v1_order))


def _v1_order(prefix: Prefix) -> tuple[int, int, int]:
    return prefix.version, int(prefix.ip), prefix.network.prefixlen
