from ipaddress import IPv6Network

import pytest

from kubespan.logic.identity.mesh_identity import establish_mesh_identity, intruders
from kubespan.model.host import HostAddress, Scope
from tests.builders import (
    CLUSTER_ID,
    OWN_MESH_IP,
    SUBNET,
    a_link,
    a_node_identity,
    prefixes,
)


def test_the_mesh_address_follows_from_cluster_and_hardware():
    mesh = establish_mesh_identity(CLUSTER_ID, a_node_identity(), [a_link()])

    assert mesh.ip == OWN_MESH_IP  # kubespan.md 1.6
    assert mesh.subnet == SUBNET
    assert mesh.from_hardware


def test_without_hardware_it_follows_from_the_node_id_and_is_stable():
    virtual = [a_link(kind="veth")]

    first = establish_mesh_identity(CLUSTER_ID, a_node_identity("one"), virtual)
    again = establish_mesh_identity(CLUSTER_ID, a_node_identity("one"), [])
    other = establish_mesh_identity(CLUSTER_ID, a_node_identity("two"), [])

    assert first == again
    assert first.ip != other.ip
    assert isinstance(SUBNET, IPv6Network)
    assert first.ip in SUBNET
    assert not first.from_hardware


@pytest.mark.parametrize(
    ("link", "text", "expected"),
    [
        pytest.param("eth0", "fd7f:175a:b97c:5602::1/64", True, id="the same prefix"),
        pytest.param("eth0", "fd7f:175a:b97c::1/48", True, id="a wider one"),
        pytest.param("eth0", "fd7f:175a:b97c:5603::1/64", False, id="a neighbour"),
        pytest.param("eth0", "10.0.0.1/8", False, id="IPv4"),
        pytest.param("kubespan", "fd7f:175a:b97c:5602::1/64", False, id="our link"),
    ],
)
def test_addresses_of_other_links_inside_the_mesh_are_noticed(link, text, expected):
    assert isinstance(SUBNET, IPv6Network)
    seen = HostAddress(link, *prefixes(text), Scope.GLOBAL)

    assert bool(intruders(SUBNET, [seen])) is expected
