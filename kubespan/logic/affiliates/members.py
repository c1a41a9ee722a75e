"""Affiliates that are nodes of the Kubernetes cluster.

Source:
    kubespan.md section 2.6.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from kubespan.model.affiliate import Affiliate
from kubespan.model.member import Member


@dataclass(frozen=True, slots=True)
class NamedAffiliates:
    """Affiliates with a Kubernetes node name.

    Attributes:
        affiliates: one per node name.
        displaced: those whose node name an affiliate with a lower node ID has.
    """

    affiliates: tuple[Affiliate, ...]
    displaced: tuple[Affiliate, ...]


def one_per_name(affiliates: Iterable[Affiliate]) -> NamedAffiliates:
    """Return the affiliates that are members; the lowest node ID keeps a name."""
    by_name: dict[str, Affiliate] = {}
    displaced = []
    for affiliate in sorted(affiliates, key=lambda affiliate: affiliate.node_id):
        if not affiliate.nodename:
            continue
        if by_name.setdefault(affiliate.nodename, affiliate) is not affiliate:
            displaced.append(affiliate)
    return NamedAffiliates(tuple(by_name.values()), tuple(displaced))


def member_from_affiliate(affiliate: Affiliate) -> Member:
    """Return the member an affiliate with a node name is."""
    return Member(
        nodename=affiliate.nodename,
        node_id=affiliate.node_id,
        addresses=affiliate.addresses,
        hostname=affiliate.hostname,
        machine_type=affiliate.machine_type,
        operating_system=affiliate.operating_system,
        control_plane=affiliate.control_plane,
    )
