import pytest

from kubespan.controllers.mesh_link import MESH_LINK
from tests.builders import a_config, a_mesh_identity, run_controller


@pytest.mark.checklist(54)
def test_the_link_exists_while_kubespan_is_on():
    on, _ = run_controller(MESH_LINK, a_config(), a_mesh_identity())
    off, _ = run_controller(MESH_LINK, a_config())

    assert [link.name for link in on or ()] == ["kubespan"]
    assert off == []
    assert run_controller(MESH_LINK)[0] is None
