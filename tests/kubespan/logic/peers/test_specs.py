from ipaddress import ip_interface

import netaddr
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubespan.logic.peers.specs import Peers, claim_from_affiliate, settle_claims
from kubespan.model.affiliate import Affiliate, KubeSpanAffiliate
from kubespan.model.peer import PeerSpec
from tests.builders import (
    OWN_MESH_IP,
    a_mesh_identity,
    a_mesh_ip,
    a_mesh_part,
    a_public_key,
    an_affiliate,
    endpoints,
    ips,
    networks,
    prefixes,
)

ULA_0 = "fd50:8d60:4238:6302:f857:23ff:fe21:d1e0"
ULA_1 = "fd50:8d60:4238:6302:f857:23ff:fe21:d1e1"


def peers_of(*affiliates: Affiliate, filters=None) -> Peers:
    ordered = sorted(affiliates, key=lambda affiliate: affiliate.node_id)
    claims = (
        claim_from_affiliate(affiliate, a_mesh_identity(), filters)
        for affiliate in ordered
    )
    return settle_claims(claim for claim in claims if claim is not None)


def one_peer(affiliate: Affiliate, filters=None) -> PeerSpec:
    (spec,) = peers_of(affiliate, filters=filters).specs
    return spec


def claiming(node_id: str, *texts: str, ula: str | None = None, **mesh) -> Affiliate:
    part = {"additional_addresses": prefixes(*texts), **mesh}
    if ula:
        part["address"] = ips(ula)[0]
    return an_affiliate(node_id, addresses=(), kubespan=a_mesh_part(node_id, **part))


@pytest.mark.checklist(39)
def test_allowed_ips_unite_addresses_and_networks_without_exclusions():
    # kubespan.md 4.1, first upstream vector
    affiliate = claiming(
        "7x1SuC8Ege5BGXdAfTEff5iQnlWZLfv9h1LGMxA2pYkC",
        "10.244.3.1/24",
        "10.244.3.0/32",
        ula=ULA_0,
        exclude_advertised_networks=prefixes("10.244.3.128/25"),
    )
    affiliate = an_affiliate(
        affiliate.node_id, addresses=ips("192.168.3.4"), kubespan=affiliate.kubespan
    )

    assert one_peer(affiliate).allowed_ips == networks(
        "10.244.3.0/25", "192.168.3.4/32", f"{ULA_0}/128"
    )


@pytest.mark.checklist(39)
def test_of_overlapping_claims_the_lower_node_id_keeps_its_own():
    # kubespan.md 4.1, second and third upstream vector: "7" sorts before "9"
    first = claiming("7x1S", "10.244.3.1/24", "10.244.3.0/32", ula=ULA_0)
    second = claiming("9dwH", "10.244.2.0/23", "192.168.3.0/24", ula=ULA_1)

    peers = peers_of(second, first)

    assert [spec.allowed_ips for spec in peers.specs] == [
        networks("10.244.3.0/24", f"{ULA_0}/128"),
        networks("10.244.2.0/24", "192.168.3.0/24", f"{ULA_1}/128"),
    ]
    assert list(peers.complaints) == ["9dwH"]
    assert "7x1S" in peers.complaints["9dwH"]


@pytest.mark.checklist(39)
def test_the_mesh_address_survives_every_exclusion():
    affiliate = claiming(
        "b",
        "10.0.0.0/16",
        ula=ULA_0,
        exclude_advertised_networks=prefixes("0.0.0.0/0", "::/0"),
    )

    assert one_peer(affiliate).allowed_ips == networks(f"{ULA_0}/128")


@pytest.mark.checklist(40)
def test_a_peer_left_with_nothing_still_exists():
    first, second = (claiming(name, ula=ULA_0) for name in ("a", "b"))

    peers = peers_of(first, second)

    assert [spec.allowed_ips for spec in peers.specs] == [
        networks(f"{ULA_0}/128"),
        (),
    ]
    assert "keeps nothing" in peers.complaints["b"]


@pytest.mark.checklist(40)
@pytest.mark.parametrize(
    "address",
    [
        pytest.param(None, id="none"),
        pytest.param("10.0.0.1", id="IPv4"),
        pytest.param("2001:db8::1", id="no unique local address"),
        pytest.param("fdae:41e4:649b:9303::1", id="SideroLink"),
    ],
)
def test_a_peer_without_a_mesh_address_is_left_out(address):
    part = a_mesh_part("b", address=ips(address)[0] if address else None)

    peers = peers_of(an_affiliate("b", kubespan=part), an_affiliate("c"))

    assert [spec.node_id for spec in peers.specs] == ["c"]
    assert "no valid mesh address" in peers.complaints["b"]


@pytest.mark.parametrize(
    ("key", "why"),
    [
        pytest.param("x", "not base64", id="no base64"),
        pytest.param("AAAA", "3 bytes", id="too short"),
        pytest.param("ä" * 44, "not base64", id="no ASCII"),
        pytest.param(str(a_public_key("own")), "our own key", id="ours"),
    ],
)
def test_a_peer_with_a_wrong_key_is_left_out_and_the_others_stay(key, why):
    odd = an_affiliate("b", kubespan=a_mesh_part("b", public_key=key))

    peers = peers_of(odd, an_affiliate("c"))

    assert [spec.node_id for spec in peers.specs] == ["c"]
    assert why in peers.complaints["b"]


def test_an_affiliate_without_a_key_is_no_peer_and_no_complaint():
    peers = peers_of(an_affiliate(kubespan=KubeSpanAffiliate()))

    assert peers == Peers((), {})


def test_nobody_gets_our_own_mesh_address():
    twin = an_affiliate("b", kubespan=a_mesh_part("b", address=OWN_MESH_IP))

    peers = peers_of(twin)

    assert peers.specs[0].allowed_ips == networks("192.0.2.7/32")
    assert "our own mesh address" in peers.complaints["b"]


@pytest.mark.parametrize(
    "text",
    [
        "0.0.0.0/0",
        "10.0.0.0/7",
        "::/0",
        "2000::/3",
        "127.0.0.1/32",
        "0.0.0.0/32",
        "169.254.169.254/32",
        "224.0.0.0/8",
        "255.255.255.255/32",
        "::1/128",
        "fe80::/64",
        "ff02::1/128",
        "fd7f:175a:b97c:5602::/64",
        "fd7f:175a:b97c::/48",
        f"{a_mesh_ip(99)}/128",
    ],
)
def test_what_would_harm_everybody_is_refused_and_said(text):
    affiliate = claiming("b", text, "10.244.3.0/24")

    peers = peers_of(affiliate)

    own = f"{affiliate.kubespan.address}/128"
    assert peers.specs[0].allowed_ips == networks("10.244.3.0/24", own)
    assert text in peers.complaints["b"]


def test_addresses_are_refused_like_networks():
    affiliate = an_affiliate("b", addresses=ips("127.0.0.1", "::1", "10.0.0.1"))

    peers = peers_of(affiliate)

    assert networks("10.0.0.1/32")[0] in peers.specs[0].allowed_ips
    assert "127.0.0.1, ::1" in peers.complaints["b"]


def test_many_refusals_make_a_short_complaint():
    affiliate = an_affiliate("b", addresses=ips(*(f"127.0.0.{n}" for n in range(99))))

    assert len(peers_of(affiliate).complaints["b"]) < 200


def test_its_own_mesh_address_among_the_addresses_is_no_offence():
    affiliate = an_affiliate("b")
    assert affiliate.kubespan.address is not None
    twice = an_affiliate("b", addresses=(affiliate.kubespan.address,))

    peers = peers_of(twice)

    assert peers.complaints == {}
    assert peers.specs[0].allowed_ips == networks(f"{affiliate.kubespan.address}/128")


@pytest.mark.parametrize("text", ["10.0.0.0/8", "fd00:1::/32"])
def test_large_networks_are_fine(text):
    assert networks(text)[0] in one_peer(claiming("b", text)).allowed_ips


def test_of_two_affiliates_with_one_key_the_later_is_the_peer():
    part = a_mesh_part("twin")
    first = an_affiliate("a", addresses=ips("10.0.0.1", "10.0.0.9"), kubespan=part)
    second = an_affiliate("b", addresses=ips("10.0.0.1"), kubespan=part)

    peers = peers_of(first, second)

    (spec,) = peers.specs
    assert spec.node_id == "b"
    assert spec.allowed_ips == networks("10.0.0.1/32", f"{part.address}/128")
    assert "same key" in peers.complaints["a"]


def test_a_spec_carries_name_address_and_usable_endpoints():
    part = a_mesh_part("b", endpoints=endpoints("127.0.0.1:1", "10.0.0.1:51820"))
    affiliate = an_affiliate("b", nodename="w", hostname="w.example", kubespan=part)

    peers = peers_of(affiliate)

    (spec,) = peers.specs
    assert (spec.label, spec.hostname) == ("w", "w.example")
    assert spec.address == part.address
    assert spec.endpoints == endpoints("10.0.0.1:51820")
    assert "1 unusable endpoints" in peers.complaints["b"]


def test_endpoints_of_peers_pass_our_filter():
    part = a_mesh_part("b", endpoints=endpoints("10.0.0.1:51820", "10.1.0.1:51820"))

    spec = one_peer(an_affiliate("b", kubespan=part), filters=("10.1.0.0/16",))

    assert spec.endpoints == endpoints("10.1.0.1:51820")


@pytest.mark.parametrize("count", [0, 64])
def test_any_number_of_endpoints_is_fine(count):
    offered = endpoints(*(f"10.0.0.1:{1024 + n}" for n in range(count)))
    part = a_mesh_part("b", endpoints=offered)

    assert one_peer(an_affiliate("b", kubespan=part)).endpoints == offered


SMALL = st.builds(
    lambda at, bits: str(ip_interface(f"10.0.{at}.0/{bits}")),
    st.integers(0, 7),
    st.integers(20, 32),
)
NODES = st.lists(
    st.tuples(
        st.lists(SMALL, max_size=4),
        st.lists(SMALL, max_size=2),
        st.lists(st.integers(0, 2047), max_size=2),
        st.integers(1, 6),
    ),
    max_size=6,
)


def naive_specs(affiliates: list[Affiliate]) -> list[list[str]]:
    """kubespan.md 4.1 word for word, with netaddr."""
    accepted: list[netaddr.IPSet] = []
    for affiliate in affiliates:
        mesh = affiliate.kubespan
        wanted = netaddr.IPSet([str(p.network) for p in mesh.additional_addresses])
        wanted |= netaddr.IPSet([str(ip) for ip in affiliate.addresses])
        wanted -= netaddr.IPSet(
            [str(p.network) for p in mesh.exclude_advertised_networks]
        )
        wanted |= netaddr.IPSet([str(mesh.address)])
        for earlier in accepted:
            wanted -= earlier
        accepted.append(wanted)
    return [[str(cidr) for cidr in claim.iter_cidrs()] for claim in accepted]


@pytest.mark.checklist(39)
@given(NODES)
def test_allowed_ips_equal_the_naive_definition(nodes):
    affiliates = [
        an_affiliate(
            f"node-{number}",
            addresses=ips(*(f"10.0.{at >> 8}.{at & 255}" for at in addresses)),
            kubespan=a_mesh_part(
                number,
                address=a_mesh_ip(ula),
                additional_addresses=prefixes(*offered),
                exclude_advertised_networks=prefixes(*excluded),
            ),
        )
        for number, (offered, excluded, addresses, ula) in enumerate(nodes)
    ]

    specs = peers_of(*affiliates).specs

    found = [list(map(str, spec.allowed_ips)) for spec in specs]
    assert found == naive_specs(affiliates)
