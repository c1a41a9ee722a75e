import pytest

from kubespan.controllers.mesh_rule import MESH_RULE
from tests.builders import a_mesh_identity, run_controller


@pytest.mark.checklist(46, 54)
def test_rules_exist_while_kubespan_is_on():
    on, _ = run_controller(MESH_RULE, a_mesh_identity())
    off, _ = run_controller(MESH_RULE)

    assert [rule.key for rule in on or ()] == ["inet/32500", "inet6/32500"]
    assert off == []
