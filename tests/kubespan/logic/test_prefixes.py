from ipaddress import ip_network

import netaddr
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubespan.logic.prefixes import (
    merge_spans,
    networks_from_spans,
    overlap_any,
    span_of_address,
    span_of_network,
    subtract_spans,
)
from tests.builders import ips, networks

IPV4 = st.builds(
    lambda at, bits: ip_network((at << 8 & 0xFFFFFFFF, bits), strict=False),
    st.integers(0, 0xFFFFFF),
    st.integers(0, 32),
)
IPV6 = st.builds(
    lambda at, bits: ip_network(((0xFD << 120) | at, bits), strict=False),
    st.integers(0, 0xFFFF),
    st.integers(100, 128),
)
NETWORKS = st.lists(IPV4 | IPV6, max_size=8)


def as_set(items) -> netaddr.IPSet:
    return netaddr.IPSet([str(item) for item in items])


def spans(items):
    return merge_spans(map(span_of_network, items))


@given(NETWORKS)
def test_merged_networks_are_what_netaddr_makes_of_them(given_networks):
    merged = networks_from_spans(spans(given_networks))

    expected = [str(cidr) for cidr in as_set(given_networks).iter_cidrs()]
    assert [str(network) for network in merged] == expected


@given(NETWORKS, NETWORKS)
def test_subtraction_is_what_netaddr_makes_of_it(given_networks, removed):
    kept = networks_from_spans(subtract_spans(spans(given_networks), spans(removed)))

    assert as_set(kept) == as_set(given_networks) - as_set(removed)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        pytest.param("0.0.0.0/0", ["0.0.0.0/0"], id="all of IPv4"),
        pytest.param("::/0", ["::/0"], id="all of IPv6"),
        pytest.param("255.255.255.255/32", ["255.255.255.255/32"], id="the last IPv4"),
        pytest.param("::/128", ["::/128"], id="the first IPv6"),
    ],
)
def test_spans_at_the_ends_of_a_family_come_back(text, parts):
    assert networks_from_spans(spans([ip_network(text)])) == networks(*parts)


def test_families_never_merge():
    both = spans(networks("255.255.255.255/32", "::/128"))

    assert networks_from_spans(both) == networks("255.255.255.255/32", "::/128")


def test_neighbours_merge_and_order_is_ipv4_first():
    merged = spans(networks("fd00::/64", "10.0.1.0/24", "10.0.0.0/24"))

    assert networks_from_spans(merged) == networks("10.0.0.0/23", "fd00::/64")


def test_overlap_is_told_by_one_shared_address():
    (inside, outside) = ips("10.0.0.255", "10.0.1.0")
    others = spans(networks("10.0.0.0/24"))

    assert overlap_any(span_of_address(inside), others)
    assert not overlap_any(span_of_address(outside), others)
