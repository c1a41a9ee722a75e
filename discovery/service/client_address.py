"""Who is calling: the address of the connection, or of a header if that is trusted.

Pure. Believing a header lets every direct caller choose its address, and with it its
rate limit and the public address it is told; so none is believed unless asked for.
That is another default than the reference's. A proxy that is named is believed: it
knows who connected to it.

Source: discovery.md 1.5, 3.1.
"""

import ipaddress
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from urllib.parse import unquote

from discovery.settings.values import Network

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Metadata = Iterable[tuple[str, str | bytes]]

# A kernel's interface name has at most 15 bytes; what is longer was made up.
ZONE_CHARACTERS_MAX = 64


# Proxies in a row; a longer list was made up.
HOPS_MAX = 32

IPV6_BITS = 128


@dataclass(frozen=True, slots=True)
class HeaderTrust:
    """Whose headers are believed, and which.

    Attributes:
        x_real_ip: believe that header from anybody.
        first_x_forwarded_for: believe the first hop of that header from anybody.
        proxies: who is believed in both, because it sets them or removes them.
    """

    x_real_ip: bool = False
    first_x_forwarded_for: bool = False
    proxies: tuple[Network, ...] = ()


def find_client_address(
    peer: str, metadata: Metadata, trust: HeaderTrust
) -> Address | None:
    """Return the caller's address; None if it has none, as on a unix socket.

    Args:
        peer: as gRPC says it, such as ``ipv4:192.0.2.1:1234`` or
            ``ipv6:%5B2001:db8::1%5D:1234``.
        metadata: of the request.
        trust: a header that is not believed or does not parse is passed over.
    """
    pairs = list(metadata)
    if address := _address_from_anybody(pairs, trust):
        return address
    address = _address_from_peer(peer)
    if address is not None and _is_among(address, trust.proxies):
        return _address_from_proxy(pairs, trust.proxies) or address
    return address


def client_from_address(address: Address, ipv6_prefix_bits: int) -> Hashable:
    """Return what counts as one client: an IPv4 address, or a prefix of IPv6.

    Whoever has one IPv6 address has a whole network of them.
    """
    address = _unmapped(address)
    if isinstance(address, ipaddress.IPv4Address):
        return address.packed
    return int(address) >> (IPV6_BITS - ipv6_prefix_bits)


def encode_address(address: Address | None) -> bytes:
    """Return 4 bytes, 16 bytes, 16 bytes and the zone's text, or nothing."""
    if address is None:
        return b""
    zone = getattr(address, "scope_id", None) or ""
    return address.packed + zone.encode()


def parse_address(text: str | bytes | None) -> Address | None:
    """Parse a bare address; None for anything more, less or else."""
    if not isinstance(text, str):
        return None
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    zone = getattr(address, "scope_id", None) or ""
    return None if len(zone) > ZONE_CHARACTERS_MAX else address


def _address_from_peer(peer: str) -> Address | None:
    family, _, rest = peer.partition(":")
    if family not in {"ipv4", "ipv6"}:
        return None
    host, _, _ = unquote(rest).rpartition(":")
    return parse_address(host.removeprefix("[").removesuffix("]"))


def _address_from_anybody(
    pairs: Sequence[tuple[str, str | bytes]], trust: HeaderTrust
) -> Address | None:
    """What headers say that are believed whoever sends them; the first value counts."""
    if not (trust.x_real_ip or trust.first_x_forwarded_for):
        return None
    headers = dict(reversed(pairs))
    if trust.x_real_ip and (address := parse_address(headers.get("x-real-ip"))):
        return address
    forwarded = headers.get("x-forwarded-for")
    if not trust.first_x_forwarded_for or not isinstance(forwarded, str):
        return None
    return parse_address(forwarded.split(",")[0].strip(" "))


def _address_from_proxy(
    pairs: Sequence[tuple[str, str | bytes]], proxies: Sequence[Network]
) -> Address | None:
    """What a proxy says; of repeated values the last, as the nearest proxy adds it."""
    real = [value for key, value in pairs if key == "x-real-ip"]
    if real and (address := parse_address(real[-1])):
        return address
    forwarded = [str(value) for key, value in pairs if key == "x-forwarded-for"]
    return _last_stranger(",".join(forwarded).split(",")[-HOPS_MAX:], proxies)


def _last_stranger(hops: Sequence[str], proxies: Sequence[Network]) -> Address | None:
    """Follow the hops back as far as each was told by somebody believed."""
    found = None
    for hop in reversed(hops):
        address = parse_address(hop.strip(" "))
        if address is None:
            break
        found = address
        if not _is_among(address, proxies):
            break
    return found


def _is_among(address: Address, networks: Sequence[Network]) -> bool:
    plain = _unmapped(address)
    return any(plain in network for network in networks)


def _unmapped(address: Address) -> Address:
    """IPv4 that was written as IPv6, as IPv4."""
    return getattr(address, "ipv4_mapped", None) or address
