import pytest

from kubespan.logic.mesh_routing import mesh_routes, mesh_rules
from kubespan.model.network import Family, RouteSpec, RoutingRuleSpec


@pytest.mark.checklist(46)
def test_both_families_have_a_default_route_in_table_180():
    assert mesh_routes(1400) == (
        RouteSpec(Family.INET, 180, "kubespan", 1, 1400),
        RouteSpec(Family.INET6, 180, "kubespan", 1, 1400),
    )


@pytest.mark.checklist(46)
def test_both_families_have_a_rule_for_marked_packets():
    assert mesh_rules() == (
        RoutingRuleSpec(Family.INET, 32500, 0x40, 0x60, 180),
        RoutingRuleSpec(Family.INET6, 32500, 0x40, 0x60, 180),
    )
