import re
from dataclasses import replace
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_network
from itertools import chain

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubespan.logic.mesh.firewall_script import render_firewall
from kubespan.model.endpoint import Endpoint
from kubespan.model.firewall import FirewallSpec
from tests.builders import endpoints

ADDRESS_OR_WORD = re.compile(r"^[0-9a-f.:/]+,?$")

# kubespan.md appendix A, with its address list and a table of our own
APPENDIX_A = """\
add table inet kubespan
delete table inet kubespan
table inet kubespan {
  chain kubespan_outgoing {
    type route hook output priority 0; policy accept;
    meta mark & 0x60 == 0x20 accept
    oifname "lo" accept
    ip daddr { 10.244.1.0/24, 172.20.0.3/32 } tcp flags & (syn | rst) == syn \
tcp option maxseg size > 1368 tcp option maxseg size set 1368
    ip daddr { 10.244.1.0/24, 172.20.0.3/32 } \
meta mark set meta mark & 0xffffff9f ^ 0x40 accept
  }
  chain kubespan_prerouting {
    type filter hook prerouting priority 0; policy accept;
    meta mark & 0x60 == 0x20 accept
    ip daddr { 10.244.1.0/24, 172.20.0.3/32 } \
meta mark set meta mark & 0xffffff9f ^ 0x40 accept
  }
}
"""


def a_firewall(*routed: str, table: str = "kubespan") -> FirewallSpec:
    return FirewallSpec(table, tuple(map(ip_network, routed)), 1368, 1348)


def rules(script: str, chain_name: str) -> list[str]:
    """The rules of one chain, without its header."""
    body = script.split(f"chain {chain_name} {{\n")[1].split("\n  }", maxsplit=1)[0]
    return [line.strip() for line in body.splitlines()][1:]


@pytest.mark.checklist(48)
def test_script_is_that_of_the_specification() -> None:
    script = render_firewall(a_firewall("10.244.1.0/24", "172.20.0.3/32"))

    assert script == APPENDIX_A


@pytest.mark.checklist(51)
def test_empty_set_leaves_the_rules_that_never_change() -> None:
    script = render_firewall(a_firewall())

    assert rules(script, "kubespan_outgoing") == [
        "meta mark & 0x60 == 0x20 accept",
        'oifname "lo" accept',
    ]
    assert rules(script, "kubespan_prerouting") == ["meta mark & 0x60 == 0x20 accept"]


@pytest.mark.checklist(50)
def test_families_follow_each_other_each_with_its_own_mss() -> None:
    script = render_firewall(a_firewall("2001:db8::/64", "10.0.0.0/8"))

    outgoing = rules(script, "kubespan_outgoing")[2:]
    assert [rule.split(" daddr")[0] for rule in outgoing] == ["ip", "ip6", "ip", "ip6"]
    assert [rule.split()[-1] for rule in outgoing] == [
        "1368",
        "1348",
        "accept",
        "accept",
    ]


@pytest.mark.parametrize(
    ("everything", "protocol"), [("0.0.0.0/0", "ipv4"), ("::/0", "ipv6")]
)
def test_whole_family_needs_only_its_protocol(everything: str, protocol: str) -> None:
    script = render_firewall(a_firewall(everything))

    assert "daddr" not in script
    assert script.count(f"meta nfproto {protocol} ") == 3


@pytest.mark.checklist(53)
def test_table_is_replaced_in_one_script_whether_it_is_there_or_not() -> None:
    lines = render_firewall(a_firewall(table="mine")).splitlines()

    assert lines[:3] == [
        "add table inet mine",
        "delete table inet mine",
        "table inet mine {",
    ]


@pytest.mark.parametrize(
    "table", ["", "a b", "a;b", "a\nflush ruleset", '"x"', "1st", "x" * 65, "tää"]
)
def test_name_that_is_no_identifier_is_refused(table: str) -> None:
    with pytest.raises(ValueError, match="table name"):
        render_firewall(a_firewall(table=table))


def test_zone_of_an_address_never_reaches_the_script() -> None:
    spec = FirewallSpec("kubespan", (IPv6Network("fd00::%evil/64"),), 1368, 1348)

    assert "{ fd00::/64 }" in render_firewall(spec)


@pytest.mark.parametrize("chain_name", ["kubespan_outgoing", "kubespan_prerouting"])
def test_services_are_let_past_before_anything_is_forced(chain_name: str) -> None:
    plain = a_firewall("192.0.2.0/24", "2001:db8::/64")
    services = endpoints("192.0.2.7:3000", "[2001:db8::7]:443")

    script = render_firewall(replace(plain, bypass=services))

    first, *rest = rules(render_firewall(plain), chain_name)
    assert first == "meta mark & 0x60 == 0x20 accept"
    assert rules(script, chain_name) == [
        first,
        "ip daddr 192.0.2.7 tcp dport 3000 accept",
        "ip saddr 192.0.2.7 tcp sport 3000 accept",
        "ip6 daddr 2001:db8::7 tcp dport 443 accept",
        "ip6 saddr 2001:db8::7 tcp sport 443 accept",
        *rest,
    ]


def test_zone_of_a_service_never_reaches_the_script() -> None:
    service = Endpoint(IPv6Address("fd00::7%evil"), 3000)

    script = render_firewall(replace(a_firewall(), bypass=(service,)))

    assert "ip6 daddr fd00::7 tcp" in script
    assert "evil" not in script


networks = st.one_of(
    st.builds(
        lambda ip, bits: IPv4Network((ip, bits), strict=False),
        st.ip_addresses(v=4),
        st.integers(1, 32),
    ),
    st.builds(
        lambda ip, bits: IPv6Network((ip, bits), strict=False),
        st.ip_addresses(v=6),
        st.integers(1, 128),
    ),
)


@given(st.lists(networks, max_size=20))
def test_sets_hold_exactly_what_is_routed(routed: list[IPv4Network]) -> None:
    script = render_firewall(FirewallSpec("kubespan", tuple(routed), 1368, 1348))

    sets = re.findall(r"daddr \{ (.*?) \}", script)
    elements = list(chain.from_iterable(found.split(", ") for found in sets))
    assert all(ADDRESS_OR_WORD.match(element) for element in elements)
    assert sorted(elements) == sorted(3 * [str(network) for network in routed])
