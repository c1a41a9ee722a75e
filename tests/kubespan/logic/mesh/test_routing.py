import pytest

from kubespan.logic.mesh.routing import mesh_routes, mesh_rules
from kubespan.model.network import Family, RouteSpec, RoutingRuleSpec


@pytest.mark.checklist(46)
def test_both_families_have_a_default_route_in_table_180():
    assert mesh_routes(1400, force=False) == (
        RouteSpec(Family.INET, 180, "kubespan", 1, 1400),
        RouteSpec(Family.INET6, 180, "kubespan", 1, 1400),
    )


def test_forced_traffic_finds_no_other_way_while_the_link_is_away():
    assert mesh_routes(1400, force=True)[2:] == (
        RouteSpec(Family.INET, 180, "", 65535, 0),
        RouteSpec(Family.INET6, 180, "", 65535, 0),
    )


@pytest.mark.checklist(46)
def test_both_families_have_a_rule_for_marked_packets():
    assert mesh_rules() == (
        RoutingRuleSpec(Family.INET, 32500, 0x40, 0x60, 180),
        RoutingRuleSpec(Family.INET6, 32500, 0x40, 0x60, 180),
    )
