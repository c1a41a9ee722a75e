"""What several say of one node, made into one.

Source:
    kubespan.md section 2.5.
"""

from collections.abc import Container, Iterable, Sequence
from functools import reduce
from typing import TypeVar

from kubespan.model.affiliate import (
    Affiliate,
    KubeSpanAffiliate,
    MachineType,
    RegistryAffiliate,
)

T = TypeVar("T")


def merge_affiliates(affiliates: Sequence[Affiliate]) -> Affiliate:
    """Return what one or more affiliates of one node say together.

    The first is the base: lists grow at the end, single values are replaced by later
    ones that are set; the operating system stays the base's.
    """
    return reduce(_merge_two, affiliates)


def credible_affiliates(
    said: Sequence[RegistryAffiliate], live_keys: Container[str]
) -> tuple[Affiliate, ...]:
    """Return what counts of what the instances of one registry say of one node.

    What an instance stopped listing without saying why counts only while no other
    instance lists the node and the node still shakes hands.

    Args:
        said: sorted by source.
        live_keys: public keys, as text, that shook hands lately.
    """
    listed = tuple(entry.affiliate for entry in said if not entry.missing)
    if listed:
        return listed
    return tuple(
        entry.affiliate
        for entry in said
        if entry.affiliate.kubespan.public_key in live_keys
    )


def _merge_two(base: Affiliate, other: Affiliate) -> Affiliate:
    unknown = other.machine_type is MachineType.UNKNOWN
    return Affiliate(
        node_id=base.node_id,
        addresses=_union(base.addresses, other.addresses),
        hostname=other.hostname or base.hostname,
        nodename=other.nodename or base.nodename,
        operating_system=base.operating_system,
        machine_type=base.machine_type if unknown else other.machine_type,
        kubespan=_merge_kubespan(base.kubespan, other.kubespan),
        control_plane=other.control_plane or base.control_plane,
    )


def _merge_kubespan(
    base: KubeSpanAffiliate, other: KubeSpanAffiliate
) -> KubeSpanAffiliate:
    return KubeSpanAffiliate(
        public_key=other.public_key or base.public_key,
        address=base.address if other.address is None else other.address,
        additional_addresses=_union(
            base.additional_addresses, other.additional_addresses
        ),
        endpoints=_union(base.endpoints, other.endpoints),
        exclude_advertised_networks=_union(
            base.exclude_advertised_networks, other.exclude_advertised_networks
        ),
    )


def _union(base: tuple[T, ...], other: Iterable[T]) -> tuple[T, ...]:
    """Return the base as it is, then what is new in the other, each value once."""
    known = set(base)
    return base + tuple(value for value in dict.fromkeys(other) if value not in known)
