import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubespan.logic.mesh.firewall import (
    bypass_endpoints,
    firewall_spec,
    merge_routed,
    qualifying_peers,
    routed_networks_of,
)
from kubespan.logic.prefixes import merge_spans, networks_from_spans, span_of_network
from kubespan.model.firewall import FirewallSpec
from kubespan.model.peer import PeerState
from tests.builders import (
    a_mesh_ip,
    a_peer_spec,
    a_peer_status,
    endpoints,
    ips,
    networks,
)

UP, SILENT, TRIED, NEW = (
    a_peer_spec(name, allowed_ips=networks(f"10.0.{number}.0/24"))
    for number, name in enumerate(("up", "silent", "tried", "new"))
)
STATUSES = {
    status.key: status
    for status in (
        a_peer_status("up"),
        a_peer_status("silent", state=PeerState.DOWN),
        a_peer_status("tried", state=PeerState.UNKNOWN),
    )
}


@pytest.mark.checklist(52)
@pytest.mark.parametrize(
    ("bypass_down", "expected"),
    [
        pytest.param(False, (UP, SILENT, TRIED, NEW), id="force routing: all"),
        pytest.param(True, (UP,), id="bypass: only those that are up"),
    ],
)
def test_peers_qualify(bypass_down, expected):
    found = qualifying_peers(
        (UP, SILENT, TRIED, NEW), STATUSES, bypass_down=bypass_down
    )

    assert found == expected


@pytest.mark.checklist(47)
def test_mesh_addresses_need_no_mark():
    part = routed_networks_of(networks("10.0.0.0/24", f"{a_mesh_ip(1)}/128"))

    assert merge_routed([part]) == networks("10.0.0.0/24")


def test_the_routed_set_is_merged_and_sorted():
    parts = [
        routed_networks_of(networks("2001:db8::/64", "10.0.1.0/24")),
        routed_networks_of(networks("10.0.0.0/24")),
    ]

    assert merge_routed(parts) == networks("10.0.0.0/23", "2001:db8::/64")


@pytest.mark.checklist(51)
def test_without_peers_the_routed_set_is_empty():
    assert merge_routed([]) == ()


@given(st.lists(st.lists(st.integers(0, 63), max_size=4), max_size=6))
def test_the_routed_set_is_the_union_of_its_parts(numbers):
    lists = [networks(*(f"10.0.0.{n}/32" for n in part)) for part in numbers]

    merged = merge_routed(routed_networks_of(part) for part in lists)

    spans = merge_spans(span_of_network(n) for part in lists for n in part)
    assert merged == networks_from_spans(spans)


@pytest.mark.checklist(50)
@pytest.mark.parametrize(
    ("mtu_bytes", "ipv4", "ipv6"), [(1420, 1368, 1348), (1280, 1228, 1208)]
)
def test_tcp_is_clamped_to_the_link(mtu_bytes, ipv4, ipv6):
    # kubespan.md 8.5, nftables_chain_test
    assert firewall_spec("kubespan", (), mtu_bytes) == FirewallSpec(
        "kubespan", (), ipv4, ipv6
    )


OWN = ips("127.0.0.1", "192.0.2.2", "fe80::2", "2001:db8::2")


@pytest.mark.parametrize(
    ("services", "expected"),
    [
        pytest.param(["192.0.2.7:3000"], ["192.0.2.7:3000"], id="on a peer"),
        pytest.param(["10.0.0.9:443"], ["10.0.0.9:443"], id="in a peer's network"),
        pytest.param(["192.0.2.2:3000"], ["192.0.2.2:3000"], id="on this host"),
        pytest.param(["[2001:db8::2]:1"], ["[2001:db8::2]:1"], id="here, IPv6"),
        pytest.param(["[2001:db8:7::1]:1"], ["[2001:db8:7::1]:1"], id="peer, IPv6"),
        pytest.param(["198.51.100.1:443"], [], id="elsewhere"),
        pytest.param([], [], id="none"),
        pytest.param(
            ["127.0.0.1:3000"],
            ["192.0.2.2:3000", "[2001:db8::2]:3000"],
            id="on this host by its loopback address",
        ),
        pytest.param(
            ["[2001:db8::2]:1", "192.0.2.7:2", "198.51.100.1:1", "192.0.2.7:1"] * 2,
            ["192.0.2.7:1", "192.0.2.7:2", "[2001:db8::2]:1"],
            id="several: sorted, none twice",
        ),
    ],
)
def test_services_on_nodes_of_the_mesh_are_let_past_it(services, expected):
    routed = networks("10.0.0.0/24", "192.0.2.7/32", "2001:db8:7::/64")

    found = bypass_endpoints(endpoints(*services), OWN, routed)

    assert found == endpoints(*expected)


def test_own_addresses_a_loopback_service_stands_for_are_bounded():
    own = ips(*(f"10.96.{n // 250}.{n % 250}" for n in range(1000)))

    assert len(bypass_endpoints(endpoints("127.0.0.1:3000"), own, ())) == 64
