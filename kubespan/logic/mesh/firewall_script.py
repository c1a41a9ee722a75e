"""The two chains as a script for ``nft``: our whole table, replaced in one transaction.

Source:
    kubespan.md section 4.9 and appendix A.
"""

import re
from collections.abc import Iterable, Iterator
from ipaddress import IPv4Address, IPv4Network
from itertools import chain
from typing import Final

from kubespan.model.address import Network
from kubespan.model.constants import MARK_FORCE, MARK_MASK, MARK_WIREGUARD
from kubespan.model.endpoint import Endpoint
from kubespan.model.firewall import FirewallSpec

_TABLE_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,63}", re.ASCII)
_KEPT_BITS: Final = 0xFFFFFFFF & ~MARK_MASK
_ENCRYPTED: Final = f"meta mark & {MARK_MASK:#x} == {MARK_WIREGUARD:#x} accept"
_FORCE: Final = f"meta mark set meta mark & {_KEPT_BITS:#x} ^ {MARK_FORCE:#x} accept"
_SYN: Final = "tcp flags & (syn | rst) == syn"
_MSS: Final = "tcp option maxseg size"


def render_firewall(spec: FirewallSpec) -> str:
    """Return the script that makes ``spec`` so, whatever the table held before.

    It touches no other table and runs whole or not at all. Every address in it is
    printed from a number, so that nothing in it can be taken for a name or a command.

    Raises:
        ValueError: the table's name is not a plain identifier.
    """
    table = f"table inet {_checked_name(spec.table)}"
    destinations = _destinations(spec)
    forced = [f"{match} {_FORCE}" for match, _ in destinations]
    clamped = [
        f"{match} {_SYN} {_MSS} > {mss} {_MSS} set {mss}" for match, mss in destinations
    ]
    never = [_ENCRYPTED, *chain.from_iterable(map(_past, spec.bypass))]
    outgoing = [*never, 'oifname "lo" accept', *clamped, *forced]
    lines = [
        # without the first line the second would fail on a host without the table
        f"add {table}",
        f"delete {table}",
        f"{table} {{",
        *_chain("kubespan_outgoing", "route hook output", outgoing),
        *_chain("kubespan_prerouting", "filter hook prerouting", [*never, *forced]),
        "}",
    ]
    return "\n".join(lines) + "\n"


def _checked_name(table: str) -> str:
    if not _TABLE_NAME.fullmatch(table):
        raise ValueError(f"table name {table!r}: letters, digits, '_' and '-' only")
    return table


def _chain(name: str, hook: str, rules: Iterable[str]) -> Iterator[str]:
    yield f"  chain {name} {{"
    yield f"    type {hook} priority 0; policy accept;"
    yield from (f"    {rule}" for rule in rules)
    yield "  }"


def _past(service: Endpoint) -> tuple[str, str]:
    """Return the rules that keep a service's TCP, both ways, out of the tunnel."""
    kind = type(service.ip)
    header = "ip" if kind is IPv4Address else "ip6"
    # printed from the number: no zone
    address = kind(int(service.ip))
    return (
        f"{header} daddr {address} tcp dport {service.port} accept",
        f"{header} saddr {address} tcp sport {service.port} accept",
    )


def _destinations(spec: FirewallSpec) -> list[tuple[str, int]]:
    """Return the match and the MSS of each family that has a range, IPv4 first."""
    ipv4 = [net for net in spec.routed if isinstance(net, IPv4Network)]
    ipv6 = [net for net in spec.routed if not isinstance(net, IPv4Network)]
    found = []
    if ipv4:
        found.append((_match("ip", "ipv4", ipv4), int(spec.mss_ipv4_bytes)))
    if ipv6:
        found.append((_match("ip6", "ipv6", ipv6), int(spec.mss_ipv6_bytes)))
    return found


def _match(header: str, protocol: str, networks: Iterable[Network]) -> str:
    """Return the match of one family; all of it needs no set."""
    texts = [_text(network) for network in networks]
    if any(text.endswith("/0") for text in texts):
        return f"meta nfproto {protocol}"
    return f"{header} daddr {{ {', '.join(texts)} }}"


def _text(network: Network) -> str:
    """Print a network from its number: no zone, no host bits, nothing to look up."""
    kind = type(network.network_address)
    return f"{kind(int(network.network_address))}/{network.prefixlen}"
