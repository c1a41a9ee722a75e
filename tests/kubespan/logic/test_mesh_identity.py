from ipaddress import IPv6Network

from kubespan.logic.mesh_identity import establish_mesh_identity
from tests.builders import (
    CLUSTER_ID,
    OWN_MESH_IP,
    SUBNET,
    a_link,
    a_node_identity,
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
