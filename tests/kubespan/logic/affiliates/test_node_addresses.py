from dataclasses import replace
from ipaddress import ip_interface, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubespan.logic.affiliates.node_addresses import (
    current_addresses,
    routed_addresses,
    without_kubernetes,
)
from kubespan.model.config import EXCLUDED_INTERFACES_DEFAULT
from kubespan.model.host import HostAddress, HostFacts, HostLink, Scope

SIDEROLINK = "fdae:41e4:649b:9303::1/64"
MESH = "fd7f:175a:b97c:5602:2c1a:b6ff:fe53:8169/64"


def a_host(*addresses: str, up: bool = True, scope: int = Scope.GLOBAL) -> HostFacts:
    return HostFacts(
        hostname="a",
        domainname="",
        operating_system="Linux",
        links=(HostLink("eth0", "", ethernet=True, hardware_address=b"", up=up),),
        addresses=tuple(
            HostAddress("eth0", ip_interface(text), scope) for text in addresses
        ),
    )


def texts(prefixes: tuple[object, ...]) -> list[str]:
    return [str(prefix) for prefix in prefixes]


@pytest.mark.parametrize(
    "address",
    [
        pytest.param("127.0.0.2/8", id="loopback"),
        pytest.param("::1/128", id="IPv6 loopback"),
        pytest.param("169.254.7.7/16", id="link-local"),
        pytest.param("fe80::1/64", id="IPv6 link-local"),
        pytest.param("224.0.0.5/32", id="multicast"),
        pytest.param("ff02::5/128", id="IPv6 multicast"),
        pytest.param("0.0.0.0/0", id="unspecified"),
    ],
)
def test_address_that_means_nothing_elsewhere_is_never_told(address: str) -> None:
    facts = a_host(address, "10.0.0.1/24")

    assert texts(current_addresses(facts)) == ["10.0.0.1/24"]
    assert texts(routed_addresses(facts)) == ["10.0.0.1/24"]


@pytest.mark.parametrize(
    ("scope", "told"),
    [
        (Scope.GLOBAL, True),
        (Scope.SITE, True),
        (252, True),
        (Scope.LINK, False),
        (Scope.HOST, False),
        (255, False),
    ],
)
def test_scope_of_the_link_or_narrower_is_never_told(scope: int, told: bool) -> None:
    facts = a_host("10.0.0.1/24", scope=scope)

    assert bool(current_addresses(facts)) is told
    assert bool(routed_addresses(facts)) is told


def test_link_that_is_down_has_no_addresses() -> None:
    facts = a_host("10.0.0.1/24", up=False)

    assert current_addresses(facts) == routed_addresses(facts) == ()


@pytest.mark.checklist(14)
def test_external_addresses_are_reachable_but_not_routed() -> None:
    facts = a_host("10.0.0.1/24", "198.51.100.7/32")
    external = [ip_interface("198.51.100.7/32"), ip_interface("203.0.113.9/32")]

    assert texts(current_addresses(facts, external)) == [
        "10.0.0.1/24",
        "198.51.100.7/32",
        "203.0.113.9/32",
    ]
    assert texts(routed_addresses(facts, external)) == ["10.0.0.1/24"]


@pytest.mark.checklist(13)
def test_siderolink_is_not_routed_and_our_own_mesh_address_is() -> None:
    facts = a_host(SIDEROLINK, MESH)

    assert texts(routed_addresses(facts)) == [MESH]


def test_addresses_are_sorted_by_family_number_and_prefix_without_duplicates() -> None:
    facts = a_host(
        "2001:db8::1/64", "10.0.0.10/8", "10.0.0.9/32", "10.0.0.9/8", "10.0.0.9/8"
    )

    assert texts(current_addresses(facts)) == [
        "10.0.0.9/8",
        "10.0.0.9/32",
        "10.0.0.10/8",
        "2001:db8::1/64",
    ]


def test_addresses_of_pods_and_services_are_left_out_and_order_is_kept() -> None:
    addresses = [
        ip_interface(text)
        for text in (
            "192.168.1.1/24",
            "10.244.0.1/24",
            "10.96.0.10/32",
            "fd00:10::1/64",
        )
    ]
    networks = [
        ip_network(text) for text in ("10.244.0.0/16", "10.96.0.0/12", "fd00:10::/32")
    ]

    assert texts(without_kubernetes(addresses, networks)) == ["192.168.1.1/24"]


@pytest.mark.parametrize(
    ("link", "told"),
    [
        ("docker0", False),
        ("docker_gwbridge", False),
        ("br-0123456789ab", False),
        ("virbr0", False),
        ("cni0", False),
        ("cni-podman0", False),
        ("flannel.1", False),
        ("cali12345678901", False),
        ("cilium_host", False),
        ("kube-ipvs0", False),
        ("nodelocaldns", False),
        ("eth0", True),
        ("docker1", True),
        ("br0", True),
        ("br-lan", True),
        ("VIRBR0", True),
        ("kubespan", True),
        ("bond0.100", True),
    ],
)
def test_bridges_of_container_engines_are_told_only_on_request(
    link: str, told: bool
) -> None:
    facts = on_link(a_host("172.17.0.1/16"), link)
    elsewhere = [ip_interface("203.0.113.9/32")]

    for tell in (current_addresses, routed_addresses):
        found = texts(tell(facts, elsewhere, EXCLUDED_INTERFACES_DEFAULT))
        assert ("172.17.0.1/16" in found) is told
        assert "172.17.0.1/16" in texts(tell(facts, elsewhere, ()))
    assert "203.0.113.9/32" in texts(
        current_addresses(facts, elsewhere, EXCLUDED_INTERFACES_DEFAULT)
    )


def on_link(facts: HostFacts, name: str) -> HostFacts:
    """Return the host with its one link called otherwise."""
    return replace(
        facts,
        links=tuple(replace(link, name=name) for link in facts.links),
        addresses=tuple(replace(seen, link=name) for seen in facts.addresses),
    )


@given(st.lists(st.ip_addresses()))
def test_whatever_is_routed_can_be_reached(ips: list[object]) -> None:
    facts = a_host(*(str(ip) for ip in ips))

    assert set(routed_addresses(facts)) <= set(current_addresses(facts))
