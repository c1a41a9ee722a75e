"""Marked packets look up a table of ours, whose routes lead into the mesh or nowhere.

Source:
    kubespan.md section 4.7.
"""

from kubespan.model.constants import (
    LINK_NAME,
    MARK_FORCE,
    MARK_MASK,
    ROUTE_METRIC,
    ROUTING_TABLE,
    RULE_PRIORITY,
    UNREACHABLE_METRIC,
)
from kubespan.model.network import Family, RouteSpec, RoutingRuleSpec


def mesh_routes(mtu_bytes: int, *, force: bool) -> tuple[RouteSpec, ...]:
    """Return the default routes of our table, for both families.

    Args:
        mtu_bytes: of the link.
        force: nothing may bypass the mesh, also while its link is away: an unreachable
            route stands behind the route into it. Talos lets it fall through.
    """
    into = [
        RouteSpec(family, ROUTING_TABLE, LINK_NAME, ROUTE_METRIC, mtu_bytes)
        for family in Family
    ]
    nowhere = [
        RouteSpec(family, ROUTING_TABLE, "", UNREACHABLE_METRIC, 0) for family in Family
    ]
    return (*into, *nowhere) if force else tuple(into)


def mesh_rules() -> tuple[RoutingRuleSpec, ...]:
    """Return the rule that sends marked packets to our table, one per family."""
    return tuple(
        RoutingRuleSpec(family, RULE_PRIORITY, MARK_FORCE, MARK_MASK, ROUTING_TABLE)
        for family in Family
    )
