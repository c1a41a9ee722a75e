import pytest

from kubespan.logic.mesh.device import (
    mesh_link,
    mesh_link_address,
    wireguard_peer,
    wireguard_spec,
)
from kubespan.model.network import LinkSpec
from kubespan.model.wireguard import WireGuardChoice
from tests.builders import (
    OWN_MESH_IP,
    a_config,
    a_mesh_identity,
    a_peer_spec,
    a_secret,
    endpoints,
)


def test_the_link_has_the_configured_mtu_and_implementation():
    config = a_config(
        {"mtu_bytes": 1280}, host={"wireguard": WireGuardChoice.USERSPACE}
    )

    assert mesh_link(config) == LinkSpec("kubespan", 1280, WireGuardChoice.USERSPACE)
    assert mesh_link(a_config()).mtu_bytes == 1420


@pytest.mark.checklist(47)
def test_the_link_has_our_mesh_address_with_64_bits():
    assert str(mesh_link_address(a_mesh_identity()).address) == f"{OWN_MESH_IP}/64"


@pytest.mark.checklist(41)
def test_a_peer_is_configured_as_all_peers_are():
    spec, secret = a_peer_spec(), a_secret("cluster")
    (endpoint,) = endpoints("10.0.0.1:51820")

    peer = wireguard_peer(spec, endpoint, secret)

    assert peer.public_key == spec.public_key
    assert peer.preshared_key == secret
    assert peer.keepalive_s == 25
    assert peer.allowed_ips == spec.allowed_ips
    assert peer.endpoint == endpoint


@pytest.mark.checklist(41)
def test_the_device_has_port_51820_and_mark_0x20():
    mesh = a_mesh_identity()

    spec = wireguard_spec(mesh, 51820, ())

    assert (spec.link, spec.listen_port, spec.mark) == ("kubespan", 51820, 0x20)
    assert spec.private_key == mesh.private_key
    assert spec.peers == ()
