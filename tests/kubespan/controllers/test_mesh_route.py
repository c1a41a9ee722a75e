import pytest

from kubespan.controllers.mesh_route import MESH_ROUTE
from tests.builders import a_config, a_mesh_identity, run_controller


@pytest.mark.checklist(46, 54)
def test_routes_exist_while_kubespan_is_on():
    config = a_config({"mtu_bytes": 1300})

    on, _ = run_controller(MESH_ROUTE, config, a_mesh_identity())
    off, _ = run_controller(MESH_ROUTE, config)

    assert [(route.key, route.mtu_bytes) for route in on or () if route.link] == [
        ("inet/180/1", 1300),
        ("inet6/180/1", 1300),
    ]
    assert off == []
    assert run_controller(MESH_ROUTE)[0] is None


@pytest.mark.checklist(52)
@pytest.mark.parametrize("bypass", [False, True])
def test_nothing_bypasses_a_missing_link_unless_it_may(bypass):
    config = a_config({"allow_down_peer_bypass": bypass})

    routes, _ = run_controller(MESH_ROUTE, config, a_mesh_identity())

    nowhere = [route.key for route in routes or () if not route.link]
    assert nowhere == ([] if bypass else ["inet/180/65535", "inet6/180/65535"])
