from ipaddress import IPv6Interface, IPv6Network, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubespan.logic.identity.addressing import (
    first_hardware_address,
    host_part_from_mac,
    host_part_from_node_id,
    is_kubespan_ula,
    is_siderolink_ula,
    mesh_address,
    mesh_prefix,
)
from kubespan.model.host import HostLink
from tests.vectors.kubespan_spec import CLUSTER_ID, MESH_ADDRESSES, MESH_PREFIX


def a_link(
    name: str, kind: str = "", mac: str = "2e1ab6538169", ethernet: bool = True
) -> HostLink:
    return HostLink(name, kind, ethernet, bytes.fromhex(mac), up=True)


@pytest.mark.checklist(5)
def test_mesh_prefix_of_the_specification() -> None:
    assert mesh_prefix(CLUSTER_ID) == IPv6Network(MESH_PREFIX)


@pytest.mark.checklist(4)
def test_cluster_id_is_used_unmodified() -> None:
    url_safe, standard = CLUSTER_ID, CLUSTER_ID.replace("_", "/").replace("-", "+")

    assert mesh_prefix(url_safe) != mesh_prefix(standard)
    assert mesh_prefix(url_safe) != mesh_prefix(url_safe.rstrip("="))


@given(st.text(min_size=1))
def test_every_mesh_prefix_is_a_kubespan_ula(cluster_id: str) -> None:
    prefix = mesh_prefix(cluster_id)

    assert prefix.prefixlen == 64
    assert is_kubespan_ula(prefix.network_address)
    assert not is_siderolink_ula(prefix.network_address)


@pytest.mark.checklist(6)
@pytest.mark.parametrize(("cluster_id", "mac", "expected"), MESH_ADDRESSES)
def test_mesh_addresses_of_the_specification(
    cluster_id: str, mac: str, expected: str
) -> None:
    host_part = host_part_from_mac(bytes.fromhex(mac))

    address = mesh_address(mesh_prefix(cluster_id), host_part)

    assert address == IPv6Interface(f"{expected}/128")


@pytest.mark.checklist(6)
@pytest.mark.parametrize("count", [0, 1, 5, 7, 9, 20])
def test_hardware_addresses_of_other_lengths_are_refused(count: int) -> None:
    with pytest.raises(ValueError, match=f"{count} bytes"):
        host_part_from_mac(bytes(count))


def test_a_mesh_address_needs_a_64_and_8_bytes() -> None:
    with pytest.raises(ValueError, match="mesh address"):
        mesh_address(mesh_prefix(CLUSTER_ID), bytes(7))
    with pytest.raises(ValueError, match="mesh address"):
        mesh_address(IPv6Network("fd00::/56"), bytes(8))


@pytest.mark.parametrize(
    ("text", "kubespan", "siderolink"),
    [
        pytest.param("fd7f:175a:b97c:5602::1", True, False, id="mesh"),
        pytest.param("fd7f:175a:b97c:5603::1", False, True, id="SideroLink"),
        pytest.param("fd7f:175a:b97c:5604::1", False, False, id="other purpose"),
        pytest.param("fc7f:175a:b97c:5602::1", False, False, id="not fd"),
        pytest.param("2001:db8:0:2::1", False, False, id="no ULA"),
        pytest.param("253.0.0.2", False, False, id="IPv4"),
    ],
)
def test_ulas_are_told_by_their_purpose(
    text: str, kubespan: bool, siderolink: bool
) -> None:
    ip = ip_address(text)

    assert is_kubespan_ula(ip) is kubespan
    assert is_siderolink_ula(ip) is siderolink


@given(st.text(), st.binary(min_size=6, max_size=6))
def test_host_part_of_a_node_id_is_local_and_meets_no_mac(
    node_id: str, mac: bytes
) -> None:
    part = host_part_from_node_id(node_id)

    assert len(part) == 8
    assert part == host_part_from_node_id(node_id)
    assert part[0] & 0x03 == 0
    assert part != host_part_from_mac(mac)


def test_host_part_of_a_node_id_stays_what_it_was() -> None:
    # Our own choice: a regression test, no proof of compatibility.
    assert host_part_from_node_id("node-a").hex() == "98cf3d2f651076ee"


def test_different_nodes_get_different_host_parts() -> None:
    assert len({host_part_from_node_id(f"node-{n}") for n in range(1000)}) == 1000


@pytest.mark.checklist(7)
def test_first_physical_link_by_name_supplies_the_hardware_address() -> None:
    eth0, eth1 = a_link("eth0", mac="000000000001"), a_link("eth1", mac="000000000002")
    bond0 = a_link("bond0", kind="bond")

    assert first_hardware_address([eth1, bond0]) == eth1.hardware_address
    assert first_hardware_address([eth1, bond0, eth0]) == eth0.hardware_address


@pytest.mark.checklist(7)
@pytest.mark.parametrize(
    "link",
    [
        pytest.param(a_link("veth1", kind="veth"), id="veth"),
        pytest.param(a_link("kubespan", kind="wireguard", mac=""), id="WireGuard"),
        pytest.param(a_link("lo", ethernet=False, mac="00" * 6), id="loopback"),
        pytest.param(a_link("ib0", ethernet=False, mac="00" * 20), id="InfiniBand"),
        pytest.param(a_link("odd0", mac=""), id="no hardware address"),
        pytest.param(a_link("odd0", mac="00" * 6), id="all zero"),
    ],
)
def test_a_host_without_physical_link_has_no_hardware_address(link: HostLink) -> None:
    assert first_hardware_address([link]) is None
