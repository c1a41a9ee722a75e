import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubespan.logic.peers.endpoints import (
    announceable_ips,
    announced_endpoints,
    pick_endpoint,
    usable_endpoints,
)
from tests.builders import OWN_MESH_IP, SUBNET, endpoints, ips

A, B, C = endpoints("10.0.0.1:51820", "10.0.0.2:51820", "[2001:db8::1]:51820")


@pytest.mark.checklist(11, 59)
def test_local_endpoints_follow_the_vector():
    # kubespan.md 2.4, upstream vector
    current = ips("172.20.0.2", "10.5.0.1", "192.168.192.168", "2001:123:4567::1")
    public = ips("1.1.1.1", "2001:123:4567::1")
    filters = ["0.0.0.0/0", "!192.168.0.0/16", "2001::/16"]
    extra = endpoints("10.5.0.1:51820", "1.2.3.4:5678")

    announced = announced_endpoints(
        announceable_ips(current, public, OWN_MESH_IP, filters), 51820, extra
    )

    assert list(map(str, announced)) == [
        "172.20.0.2:51820",
        "10.5.0.1:51820",
        "1.1.1.1:51820",
        "[2001:123:4567::1]:51820",
        "1.2.3.4:5678",
    ]


@pytest.mark.checklist(13)
def test_own_mesh_address_and_siderolink_are_never_endpoints():
    current = (OWN_MESH_IP, *ips("10.0.0.1", "fdae:41e4:649b:9303::1"))

    assert announceable_ips(current, (), OWN_MESH_IP, None) == ips("10.0.0.1")


def test_public_addresses_come_after_ours_where_new():
    found = announceable_ips(
        ips("10.0.0.1", "10.0.0.1"), ips("203.0.113.1", "10.0.0.1"), None, None
    )

    assert found == ips("10.0.0.1", "203.0.113.1")


@pytest.mark.checklist(59)
def test_extra_endpoints_are_announced_though_the_filter_drops_all():
    ips_left = announceable_ips(ips("10.0.0.1"), (), None, [])

    assert announced_endpoints(ips_left, 51820, (A, A)) == (A,)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("127.0.0.1:51820", id="loopback"),
        pytest.param("[::1]:51820", id="loopback v6"),
        pytest.param("[::ffff:127.0.0.1]:51820", id="loopback, mapped"),
        pytest.param("0.0.0.0:51820", id="unspecified"),
        pytest.param("[::]:51820", id="unspecified v6"),
        pytest.param("224.0.0.1:51820", id="multicast"),
        pytest.param("[ff02::1]:51820", id="multicast v6"),
        pytest.param("255.255.255.255:51820", id="broadcast"),
        pytest.param("[fe80::1]:51820", id="link-local v6"),
        pytest.param("192.0.2.1:0", id="port 0"),
        pytest.param(f"[{OWN_MESH_IP}]:51820", id="our own mesh address"),
        pytest.param("[fd00:0:0:2::1]:51820", id="mesh address of any cluster"),
    ],
)
def test_endpoints_that_lead_nowhere_are_dropped_and_counted(text):
    assert usable_endpoints(endpoints(text, str(A)), SUBNET, None) == ((A,), 1)


def test_an_odd_extra_endpoint_of_the_upstream_test_is_kept():
    # kubespan.md 8.1, TestKubeSpanExtraEndpoints
    odd = endpoints("169.254.121.121:5820")

    assert usable_endpoints(odd, SUBNET, None) == (odd, 0)


def test_mapped_endpoints_become_plain_and_repeats_vanish():
    given_endpoints = endpoints("10.0.0.1:51820", "[::ffff:10.0.0.1]:51820")

    assert usable_endpoints(given_endpoints, SUBNET, None) == ((A,), 0)


def test_a_filter_for_peers_drops_without_complaint():
    assert usable_endpoints((A, B, C), SUBNET, ["0.0.0.0/0", "!10.0.0.2"]) == ((A,), 0)


@pytest.mark.checklist(43)
@pytest.mark.parametrize(
    ("offered", "last_used", "current", "expected"),
    [
        # kubespan.md 4.4, upstream vectors
        pytest.param((A, B), None, None, A, id="first"),
        pytest.param((A, B), A, A, B, id="then the second"),
        pytest.param((A, B), B, B, A, id="then the first again"),
        pytest.param((A,), A, A, None, id="a single one is not set again"),
        pytest.param((B,), A, A, B, id="another single one"),
        pytest.param((B, C), A, A, B, id="a completely new list"),
        pytest.param((), A, A, None, id="nothing to pick"),
        pytest.param((A,), A, B, A, id="a single one, roamed and silent"),
        # repeats would pin the rotation to the first two
        pytest.param((A, A, B), A, A, B, id="repeats are passed over"),
        pytest.param((A, A), A, A, None, id="a single one, twice"),
    ],
)
def test_rotation_goes_round(offered, last_used, current, expected):
    assert pick_endpoint(offered, last_used, current) == expected


@given(st.permutations([A, B, C]))
def test_rotation_visits_every_endpoint(offered):
    visited = []
    last = None
    for _ in offered:
        last = pick_endpoint(offered, last, last)
        visited.append(last)

    assert visited == offered
