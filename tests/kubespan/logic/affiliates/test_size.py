from dataclasses import replace
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_interface, ip_network

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from netaddr import IPNetwork, IPSet

from kubespan.logic.affiliates.size import (
    ENCODED_MAX_BYTES,
    FittedAffiliate,
    fit_affiliate,
)
from kubespan.model.affiliate import Affiliate, KubeSpanAffiliate
from kubespan.wire.affiliate import encode_affiliate

MESH_IP = ip_address("fd7f:175a:b97c:5602::1")


def encoded_bytes(affiliate: Affiliate) -> int:
    return len(encode_affiliate(affiliate))


def fit(affiliate: Affiliate) -> FittedAffiliate:
    return fit_affiliate(affiliate, encoded_bytes)


def an_affiliate(
    addresses: tuple = (), networks: tuple = (), excludes: tuple = ()
) -> Affiliate:
    return Affiliate(
        node_id="n" * 44,
        addresses=addresses,
        hostname="node.example.org",
        nodename="node",
        operating_system="Debian GNU/Linux 12 (bookworm)",
        kubespan=KubeSpanAffiliate("k" * 44, MESH_IP, networks, (), excludes),
    )


def many_addresses(count: int) -> tuple:
    return tuple(IPv4Address(0x0A000000 + 256 * n) for n in range(count))


def many_networks(count: int) -> tuple:
    return tuple(ip_interface((0x64400000 + 512 * n, 24)) for n in range(count))


def routed(affiliate: Affiliate) -> IPSet:
    """What peers send to the node (kubespan.md 4.1)."""
    mesh = affiliate.kubespan
    networks = [ip_network(ip.packed) for ip in affiliate.addresses]
    networks += [prefix.network for prefix in mesh.additional_addresses]
    published = IPSet(IPNetwork(str(network)) for network in networks)
    excluded = IPSet(
        IPNetwork(str(p.network)) for p in mesh.exclude_advertised_networks
    )
    return (published - excluded) | IPSet([str(mesh.address)])


def test_what_fits_stays_as_it_is() -> None:
    affiliate = an_affiliate((*many_addresses(5), MESH_IP), many_networks(3))

    assert fit(affiliate) == FittedAffiliate(affiliate)


@pytest.mark.checklist(35)
def test_largest_affiliate_that_fits_is_2020_bytes() -> None:
    affiliate = an_affiliate()
    room = ENCODED_MAX_BYTES - encoded_bytes(affiliate)
    full = replace(affiliate, operating_system="x" * (room + 30 - 1))

    assert ENCODED_MAX_BYTES == 2020
    assert encoded_bytes(full) == 2020
    assert fit(full).left_out == ()
    longer = replace(full, operating_system=full.operating_system + "x")
    assert fit(longer).left_out == ("operating system",)


def test_first_only_what_costs_nothing_goes() -> None:
    halves = [ip_interface((0x64400000 + 128 * n, 25)) for n in range(200)]
    affiliate = an_affiliate(
        addresses=(ip_address("192.0.2.1"), MESH_IP),
        networks=tuple(halves),
        excludes=tuple(ip_interface(f"198.51.100.{n}/32") for n in range(20)),
    )
    assert encoded_bytes(affiliate) > ENCODED_MAX_BYTES

    fitted = fit(affiliate)

    assert fitted.left_out == ()
    assert encoded_bytes(fitted.affiliate) <= ENCODED_MAX_BYTES
    assert fitted.affiliate.addresses == (ip_address("192.0.2.1"),)
    assert fitted.affiliate.operating_system == affiliate.operating_system
    assert routed(fitted.affiliate) == routed(affiliate)


@pytest.mark.checklist(35)
@pytest.mark.parametrize(
    ("addresses", "networks"),
    [
        pytest.param(500, 0, id="many addresses"),
        pytest.param(500, 3, id="many addresses, few networks"),
        pytest.param(3, 300, id="few addresses, many networks"),
        pytest.param(200, 200, id="many of both"),
        pytest.param(5000, 0, id="a load balancer"),
    ],
)
def test_the_end_of_the_longer_list_goes_and_is_named(
    addresses: int, networks: int
) -> None:
    affiliate = an_affiliate(many_addresses(addresses), many_networks(networks))

    fitted = fit(affiliate)

    kept = fitted.affiliate
    lost = (addresses - len(kept.addresses)) + (
        networks - len(kept.kubespan.additional_addresses)
    )
    assert encoded_bytes(kept) <= ENCODED_MAX_BYTES
    assert encoded_bytes(kept) > ENCODED_MAX_BYTES - 40
    assert kept.addresses == affiliate.addresses[: len(kept.addresses)]
    assert len(kept.addresses) >= min(addresses, 3)
    assert len(kept.kubespan.additional_addresses) >= min(networks, 3)
    assert len(fitted.left_out) == lost + 1  # and the operating system
    assert f"address {affiliate.addresses[-1]}" in fitted.left_out or addresses == 3


def test_exclusions_are_widened_not_dropped() -> None:
    excludes = tuple(ip_interface((0x64400000 + 512 * n, 32)) for n in range(300))
    affiliate = an_affiliate(
        many_addresses(2), (ip_interface("100.64.0.0/10"),), excludes
    )

    fitted = fit(affiliate)

    kept = fitted.affiliate
    assert encoded_bytes(kept) <= ENCODED_MAX_BYTES
    assert kept.addresses == affiliate.addresses
    assert kept.kubespan.additional_addresses == (ip_interface("100.64.0.0/10"),)
    assert routed(kept) < routed(affiliate)
    assert any(line.startswith("exclusion widened to") for line in fitted.left_out)


def test_a_host_name_of_any_length_goes_last() -> None:
    affiliate = replace(an_affiliate(many_addresses(9)), hostname="h" * 3000)

    fitted = fit(affiliate)

    assert fitted.left_out[-1] == "host name"
    assert encoded_bytes(fitted.affiliate) <= ENCODED_MAX_BYTES


def test_the_summary_is_one_bearable_line() -> None:
    assert fit(an_affiliate()).summary == ""
    few = FittedAffiliate(an_affiliate(), ("host name", "operating system"))
    assert few.summary == "host name, operating system"

    summary = fit(an_affiliate(many_addresses(2000))).summary

    assert summary.startswith("operating system, address 10.")
    assert summary.endswith(" more")
    assert len(summary) < 200


v4 = st.ip_addresses(v=4)
v6 = st.ip_addresses(v=6)
prefixes = st.tuples(v4 | v6, st.floats(0, 1)).map(
    lambda pair: ip_interface((pair[0], int(pair[1] * pair[0].max_prefixlen)))
)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(v4 | v6, max_size=90, unique=True).map(tuple),
    st.lists(prefixes, max_size=60).map(tuple),
    st.lists(prefixes, max_size=60).map(tuple),
    st.integers(300, 2020),
)
def test_never_too_large_and_never_more_than_was_said(
    addresses: tuple, networks: tuple, excludes: tuple, limit_bytes: int
) -> None:
    affiliate = an_affiliate(addresses, networks, excludes)

    fitted = fit_affiliate(affiliate, encoded_bytes, limit_bytes)

    assert encoded_bytes(fitted.affiliate) <= max(limit_bytes, 1400)
    assert routed(fitted.affiliate).issubset(routed(affiliate))
    if not fitted.left_out:
        assert routed(fitted.affiliate) == routed(affiliate)


def test_ipv6_is_treated_alike() -> None:
    base = int(IPv6Address("2001:db8::"))
    addresses = tuple(IPv6Address(base + (n << 64)) for n in range(100))
    excludes = tuple(ip_interface(f"2001:db8:0:{n:x}::/128") for n in range(60))

    fitted = fit(an_affiliate(addresses, (), excludes))

    assert encoded_bytes(fitted.affiliate) <= ENCODED_MAX_BYTES
    assert len(fitted.affiliate.addresses) > 20
