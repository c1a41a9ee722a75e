import pytest

from kubespan.controllers.mesh_address import MESH_ADDRESS
from tests.builders import OWN_MESH_IP, a_mesh_identity, run_controller


@pytest.mark.checklist(47, 54)
def test_the_link_has_our_mesh_address_while_kubespan_is_on():
    on, _ = run_controller(MESH_ADDRESS, a_mesh_identity())
    off, _ = run_controller(MESH_ADDRESS)

    assert [address.key for address in on or ()] == [f"kubespan/{OWN_MESH_IP}/64"]
    assert off == []
