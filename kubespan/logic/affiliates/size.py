"""Make what we say of ourselves fit into what discovery services accept.

A service refuses more than 2048 sealed bytes, and a refused node disappears when its
TTL ends. So an affiliate that is too large is made smaller, in this order, and only
as far as needed:

1. What costs peers nothing: our mesh address leaves ``addresses`` (peers route it
   anyway), advertised and excluded networks are merged where the same addresses
   remain, and exclusions that subtract nothing we publish are left out.
2. The operating system's name, which is only shown.
3. Exclusions that need more than half of the room are widened, never dropped: a
   missing one would pull traffic into the mesh that must stay out of it, a wider one
   only leaves traffic outside.
4. Addresses and advertised networks go from the end, one at a time, each time from
   the longer list (a tie takes an address); the first address stays to the last.
5. The host name.

Source:
    kubespan.md sections 2.1, 3.8 and 9 (16); discovery.md section 5.6.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from ipaddress import (
    IPv4Interface,
    IPv4Network,
    IPv6Interface,
    IPv6Network,
    collapse_addresses,
    ip_network,
)
from typing import Final

from kubespan.model.address import IPAddress, Network, Prefix
from kubespan.model.affiliate import Affiliate, KubeSpanAffiliate
from kubespan.model.constants import AFFILIATE_DATA_MAX_BYTES

ENCODED_MAX_BYTES: Final = AFFILIATE_DATA_MAX_BYTES - 28
"""Nonce and tag take 28 bytes."""
EXCLUSIONS_MAX_BYTES: Final = ENCODED_MAX_BYTES // 2
_WIDEN_STEPS: Final = 32
"""One step takes 1 bit of an IPv4 prefix and 4 of an IPv6 prefix."""
_SHOWN: Final = 6

Size = Callable[[Affiliate], int]


@dataclass(frozen=True, slots=True)
class FittedAffiliate:
    """An affiliate that fits, and what peers will not learn because of that.

    Attributes:
        left_out: one line each, for a warning; empty when nothing was lost.
    """

    affiliate: Affiliate
    left_out: tuple[str, ...] = ()

    @property
    def summary(self) -> str:
        """Return what was left out on one line of bearable length; may be empty."""
        shown = ", ".join(self.left_out[:_SHOWN])
        more = len(self.left_out) - _SHOWN
        return f"{shown} and {more} more" if more > 0 else shown


def fit_affiliate(
    affiliate: Affiliate, encoded_bytes: Size, limit_bytes: int = ENCODED_MAX_BYTES
) -> FittedAffiliate:
    """Return ``affiliate``, made smaller by the rule above if it is too large.

    Args:
        affiliate: what we would say if there were room.
        encoded_bytes: size of an affiliate as it is encoded, before sealing.
        limit_bytes: largest size accepted.

    Cost: a few dozen encodings when it is too large, one when it is not.
    """

    def fits(candidate: Affiliate) -> bool:
        return encoded_bytes(candidate) <= limit_bytes

    if fits(affiliate):
        return FittedAffiliate(affiliate)
    original, affiliate = affiliate, _without_redundancy(affiliate)
    if not fits(affiliate):
        affiliate = replace(affiliate, operating_system="")
    if not fits(affiliate):
        affiliate = _with_wider_exclusions(affiliate, encoded_bytes)
        affiliate = _with_fewer_items(affiliate, fits)
    if not fits(affiliate):
        affiliate = _without_exclusions_of_nothing(replace(affiliate, hostname=""))
    return FittedAffiliate(affiliate, _describe_loss(original, affiliate))


def _without_redundancy(affiliate: Affiliate) -> Affiliate:
    mesh = affiliate.kubespan
    smaller = replace(
        affiliate,
        addresses=tuple(ip for ip in affiliate.addresses if ip != mesh.address),
        kubespan=replace(
            mesh,
            additional_addresses=_merge(mesh.additional_addresses),
            exclude_advertised_networks=_merge(mesh.exclude_advertised_networks),
        ),
    )
    return _without_exclusions_of_nothing(smaller)


def _without_exclusions_of_nothing(affiliate: Affiliate) -> Affiliate:
    mesh = affiliate.kubespan
    published = [
        *(ip_network(ip.packed) for ip in affiliate.addresses),
        *(prefix.network for prefix in mesh.additional_addresses),
    ]
    excludes = tuple(
        prefix
        for prefix in mesh.exclude_advertised_networks
        if any(_overlap(prefix.network, network) for network in published)
    )
    return _with_mesh(affiliate, replace(mesh, exclude_advertised_networks=excludes))


def _with_wider_exclusions(affiliate: Affiliate, encoded_bytes: Size) -> Affiliate:
    """Return it with exclusions of at most half the room, each as narrow as can be."""

    def widened(step: int) -> Affiliate:
        excludes = _widen(affiliate.kubespan.exclude_advertised_networks, step)
        mesh = replace(affiliate.kubespan, exclude_advertised_networks=excludes)
        return _with_mesh(affiliate, mesh)

    bare_bytes = encoded_bytes(
        _with_mesh(
            affiliate, replace(affiliate.kubespan, exclude_advertised_networks=())
        )
    )

    def is_small(step: int) -> bool:
        return encoded_bytes(widened(step)) - bare_bytes <= EXCLUSIONS_MAX_BYTES

    step = bisect_left(range(_WIDEN_STEPS), True, key=is_small)
    return widened(step) if step else affiliate


def _with_fewer_items(
    affiliate: Affiliate, fits: Callable[[Affiliate], bool]
) -> Affiliate:
    """Return it with as few of its last addresses and networks dropped as needed."""
    counts = _drop_order(
        len(affiliate.addresses), len(affiliate.kubespan.additional_addresses)
    )

    def keep(step: int) -> Affiliate:
        addresses, networks = counts[step]
        mesh = affiliate.kubespan
        kept = replace(mesh, additional_addresses=mesh.additional_addresses[:networks])
        return replace(
            affiliate, addresses=affiliate.addresses[:addresses], kubespan=kept
        )

    last = len(counts) - 1
    return keep(bisect_left(range(last), True, key=lambda step: fits(keep(step))))


def _drop_order(addresses: int, networks: int) -> list[tuple[int, int]]:
    """Return how many of each to keep, from all down to one address."""
    counts = [(addresses, networks)]
    while addresses > 1 or networks:
        if addresses >= networks and addresses > 1:
            addresses -= 1
        else:
            networks -= 1
        counts.append((addresses, networks))
    return counts


def _merge(prefixes: Iterable[Prefix]) -> tuple[Prefix, ...]:
    """Return the fewest prefixes with the same addresses, IPv4 first, sorted."""
    networks = [prefix.network for prefix in prefixes]
    ipv4 = [network for network in networks if isinstance(network, IPv4Network)]
    ipv6 = [network for network in networks if isinstance(network, IPv6Network)]
    return (
        *(IPv4Interface(network) for network in collapse_addresses(ipv4)),
        *(IPv6Interface(network) for network in collapse_addresses(ipv6)),
    )


def _widen(prefixes: Sequence[Prefix], step: int) -> tuple[Prefix, ...]:
    return _merge(_shorten(prefix, step) for prefix in prefixes)


def _shorten(prefix: Prefix, step: int) -> Prefix:
    if isinstance(prefix, IPv4Interface):
        ipv4_bits = min(prefix.network.prefixlen, 32 - step)
        return IPv4Interface((prefix.ip, ipv4_bits))
    ipv6_bits = min(prefix.network.prefixlen, 128 - 4 * step)
    return IPv6Interface((prefix.ip, ipv6_bits))


def _overlap(one: Network, other: Network) -> bool:
    if isinstance(one, IPv4Network) and isinstance(other, IPv4Network):
        return one.overlaps(other)
    if isinstance(one, IPv6Network) and isinstance(other, IPv6Network):
        return one.overlaps(other)
    return False


def _with_mesh(affiliate: Affiliate, mesh: KubeSpanAffiliate) -> Affiliate:
    return replace(affiliate, kubespan=mesh)


def _describe_loss(before: Affiliate, after: Affiliate) -> tuple[str, ...]:
    """Return what peers will not learn; what costs them nothing is not mentioned."""
    old, new = before.kubespan, after.kubespan
    lines = []
    if after.operating_system != before.operating_system:
        lines.append("operating system")
    lines += _missing_addresses(before, after)
    lines += [
        f"advertised network {prefix}"
        for prefix in _not_within(
            _merge(old.additional_addresses), new.additional_addresses
        )
    ]
    lines += [
        f"exclusion widened to {prefix}"
        for prefix in _not_within(
            new.exclude_advertised_networks, old.exclude_advertised_networks
        )
    ]
    if after.hostname != before.hostname:
        lines.append("host name")
    return tuple(lines)


def _missing_addresses(before: Affiliate, after: Affiliate) -> list[str]:
    kept: set[IPAddress | None] = {*after.addresses, before.kubespan.address}
    return [f"address {ip}" for ip in before.addresses if ip not in kept]


def _not_within(prefixes: Iterable[Prefix], others: Iterable[Prefix]) -> list[Prefix]:
    """Return those of ``prefixes``, merged before, that ``others`` do not contain."""
    known = set(_merge(others))
    return [prefix for prefix in prefixes if prefix not in known]
