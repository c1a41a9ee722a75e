import pytest

from kubespan.controllers import mesh_firewall
from kubespan.controllers.mesh_firewall import MESH_FIREWALL
from kubespan.engine.controller import Memo
from kubespan.model.firewall import FirewallSpec
from kubespan.model.peer import PeerState
from kubespan.model.registry import ServiceAddress
from tests.builders import (
    a_config,
    a_mesh_identity,
    a_peer_spec,
    a_peer_status,
    endpoints,
    host_facts,
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


def bypass(*resources, memo=None):
    found, _ = run_controller(MESH_FIREWALL, *US, *resources, memo=memo)
    assert found is not None
    return found[0].bypass


@pytest.mark.parametrize(
    ("service", "expected"),
    [
        pytest.param("192.0.2.7:3000", ("192.0.2.7:3000",), id="on a peer"),
        pytest.param("192.0.2.2:3000", ("192.0.2.2:3000",), id="on this host"),
        pytest.param("198.51.100.1:443", (), id="elsewhere"),
    ],
)
def test_discovery_is_never_forced_into_the_mesh(service, expected):
    address = ServiceAddress("default", endpoints(service))

    found = bypass(address, a_peer_spec(), host_facts("192.0.2.2/24"))

    assert found == endpoints(*expected)


def test_bypass_is_computed_once_while_nothing_changes(monkeypatch):
    calls = []
    monkeypatch.setattr(
        mesh_firewall, "bypass_endpoints", lambda *inputs: calls.append(inputs) or ()
    )
    service, memo = ServiceAddress("default", endpoints("192.0.2.7:3000")), Memo()

    for _ in range(3):
        bypass(service, a_peer_spec(), host_facts(), memo=memo)
        memo.turn()
    bypass(service, host_facts(), memo=memo)

    assert len(calls) == 2
