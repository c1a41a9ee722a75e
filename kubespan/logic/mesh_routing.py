"""Marked packets look up a table of ours, whose only route leads into the mesh.

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
)
from kubespan.model.network import Family, RouteSpec, RoutingRuleSpec


def mesh_routes(mtu_bytes: int) -> tuple[RouteSpec, ...]:
    """Return the default route of our table, one per family."""
    return tuple(
        RouteSpec(family, ROUTING_TABLE, LINK_NAME, ROUTE_METRIC, mtu_bytes)
        for family in Family
    )


def mesh_rules() -> tuple[RoutingRuleSpec, ...]:
    """Return the rule that sends marked packets to our table, one per family."""
    return tuple(
        RoutingRuleSpec(family, RULE_PRIORITY, MARK_FORCE, MARK_MASK, ROUTING_TABLE)
        for family in Family
    )
