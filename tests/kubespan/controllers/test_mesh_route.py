import pytest

from kubespan.controllers.mesh_route import MESH_ROUTE
from tests.builders import a_config, a_mesh_identity, run_controller


@pytest.mark.checklist(46, 54)
def test_routes_exist_while_kubespan_is_on():
    config = a_config({"mtu_bytes": 1300})

    on, _ = run_controller(MESH_ROUTE, config, a_mesh_identity())
    off, _ = run_controller(MESH_ROUTE, config)

    assert [(route.key, route.mtu_bytes) for route in on or ()] == [
        ("inet/180/1", 1300),
        ("inet6/180/1", 1300),
    ]
    assert off == []
    assert run_controller(MESH_ROUTE)[0] is None
