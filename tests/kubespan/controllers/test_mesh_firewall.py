import pytest

from kubespan.controllers.mesh_firewall import MESH_FIREWALL
from kubespan.model.firewall import FirewallSpec
from kubespan.model.peer import PeerState
from tests.builders import (
    a_config,
    a_mesh_identity,
    a_peer_spec,
    a_peer_status,
    networks,
    run_controller,
)

US = (a_config(), a_mesh_identity())
BYPASS = a_config({"allow_down_peer_bypass": True})


def routed(*resources):
    found, _ = run_controller(MESH_FIREWALL, *resources)
    assert found is not None
    return found[0].routed


@pytest.mark.checklist(51)
def test_without_peers_the_chains_exist_with_nothing_routed():
    found, _ = run_controller(MESH_FIREWALL, *US)

    assert found == [FirewallSpec("kubespan", (), 1368, 1348)]


@pytest.mark.checklist(52)
def test_with_force_routing_every_peer_is_routed_whatever_its_state():
    assert routed(*US, a_peer_spec()) == networks("192.0.2.7/32")


@pytest.mark.checklist(52)
@pytest.mark.parametrize(
    ("state", "expected"),
    [
        (PeerState.UP, networks("192.0.2.7/32")),
        (PeerState.UNKNOWN, ()),
        (PeerState.DOWN, ()),
    ],
)
def test_with_bypass_only_peers_that_are_up_are_routed(state, expected):
    found = routed(BYPASS, a_mesh_identity(), a_peer_spec(), a_peer_status(state=state))

    assert found == expected


@pytest.mark.checklist(54)
def test_while_kubespan_is_off_there_is_no_table():
    assert run_controller(MESH_FIREWALL, a_config(), a_peer_spec())[0] == []
    assert run_controller(MESH_FIREWALL)[0] is None


def test_the_table_is_named_by_configuration():
    config = a_config(host={"nft_table": "mine"})

    found, _ = run_controller(MESH_FIREWALL, config, a_mesh_identity())

    assert [spec.key for spec in found or ()] == ["mine"]
