import pytest

from kubespan.controllers.mesh_wireguard import MESH_WIREGUARD
from kubespan.model.keys import SecretKey
from kubespan.model.peer import KeptPeer
from tests.builders import (
    CLUSTER_SECRET,
    a_config,
    a_mesh_identity,
    a_peer_spec,
    a_peer_status,
    a_public_key,
    networks,
    run_controller,
)

US = (a_config(), a_mesh_identity())


def device(*resources):
    found, _ = run_controller(MESH_WIREGUARD, *resources)
    assert found is not None
    return found[0]


@pytest.mark.checklist(41)
def test_peers_are_sorted_and_share_the_cluster_secret():
    specs = [a_peer_spec(f"node-{n}") for n in range(9)]

    spec = device(*US, *specs)

    keys = [str(peer.public_key) for peer in spec.peers]
    assert keys == sorted(keys)
    assert len(keys) == 9
    assert {peer.preshared_key for peer in spec.peers} == {
        SecretKey.from_base64(CLUSTER_SECRET)
    }
    assert {peer.keepalive_s for peer in spec.peers} == {25}
    assert (spec.listen_port, spec.mark) == (51820, 0x20)


@pytest.mark.checklist(43)
def test_a_peer_is_told_its_asserted_endpoint_and_else_left_alone():
    told, roamed = a_peer_spec("a"), a_peer_spec("b")
    statuses = (a_peer_status("a"), a_peer_status("b", asserted_endpoint=None))

    spec = device(*US, told, roamed, *statuses)

    endpoint_by_key = {peer.public_key: peer.endpoint for peer in spec.peers}
    assert endpoint_by_key == {
        told.public_key: statuses[0].asserted_endpoint,
        roamed.public_key: None,
    }


@pytest.mark.checklist(44)
def test_kept_peers_stay_on_the_device_as_they_are():
    kept = KeptPeer(a_public_key(7), networks("10.244.7.0/24"))

    spec = device(*US, kept)

    assert spec.kept == {kept.public_key}
    assert spec.peers == ()


@pytest.mark.checklist(54)
def test_while_kubespan_is_off_there_is_no_device():
    secretless = a_config(discovery={"cluster_secret": None})

    assert run_controller(MESH_WIREGUARD, a_config())[0] == []
    assert run_controller(MESH_WIREGUARD, secretless, a_mesh_identity())[0] == []
    assert run_controller(MESH_WIREGUARD)[0] is None


def test_the_port_is_configurable():
    config = a_config(host={"listen_port": 4000})

    assert device(config, a_mesh_identity()).listen_port == 4000
