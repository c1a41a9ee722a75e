import pytest

from kubespan.controllers.mesh_sysctl import MESH_SYSCTL
from tests.builders import (
    a_config,
    a_local_affiliate,
    a_mesh_identity,
    a_mesh_part,
    prefixes,
    run_controller,
)


@pytest.mark.checklist(55)
def test_switches_follow_what_we_offer():
    offering = a_local_affiliate(
        kubespan=a_mesh_part(additional_addresses=prefixes("10.0.0.0/16"))
    )

    found, _ = run_controller(MESH_SYSCTL, a_config(), a_mesh_identity(), offering)

    assert [spec.name for spec in found or ()] == [
        "net/ipv4/conf/all/rp_filter",
        "net/ipv4/conf/kubespan/rp_filter",
        "net/ipv4/ip_forward",
    ]


@pytest.mark.checklist(54)
def test_while_kubespan_is_off_no_switch_matters():
    assert run_controller(MESH_SYSCTL, a_config())[0] == []
    assert run_controller(MESH_SYSCTL)[0] is None
