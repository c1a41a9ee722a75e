"""Affiliates that are nodes of the Kubernetes cluster.

Source:
    kubespan.md section 2.6.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from kubespan.model.affiliate import Affiliate
from kubespan.model.member import Member


@dataclass(frozen=True, slots=True)
class Membership:
    """Members, and affiliates that came too late for their name.

    Attributes:
        members: one per node name.
        displaced: affiliates whose name a lower node ID has.
    """

    members: tuple[Member, ...]
    displaced: tuple[Affiliate, ...]


def members_from_affiliates(affiliates: Iterable[Affiliate]) -> Membership:
    """Return one member per node name; the lowest node ID wins."""
    by_name: dict[str, Affiliate] = {}
    displaced = []
    for affiliate in sorted(affiliates, key=lambda affiliate: affiliate.node_id):
        if not affiliate.nodename:
            continue
        if by_name.setdefault(affiliate.nodename, affiliate) is not affiliate:
            displaced.append(affiliate)
    members = tuple(member_from_affiliate(affiliate) for affiliate in by_name.values())
    return Membership(members, tuple(displaced))


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
