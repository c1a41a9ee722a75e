"""Who is calling: the address of the connection, or of a header if that is trusted.

Pure. Believing a header lets every direct caller choose its address, and with it its
rate limit and the public address it is told; so none is believed unless asked for.
That is another default than the reference's.

Source: discovery.md 1.5, 3.1.
"""

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import unquote

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Metadata = Iterable[tuple[str, str | bytes]]

# A kernel's interface name has at most 15 bytes; what is longer was made up.
ZONE_CHARACTERS_MAX = 64


@dataclass(frozen=True, slots=True)
class HeaderTrust:
    """Which headers are believed; true only behind a proxy that sets them itself."""

    x_real_ip: bool = False
    first_x_forwarded_for: bool = False


def find_client_address(
    peer: str, metadata: Metadata, trust: HeaderTrust
) -> Address | None:
    """Return the caller's address; None if it has none, as on a unix socket.

    Args:
        peer: as gRPC says it, such as ``ipv4:192.0.2.1:1234`` or
            ``ipv6:%5B2001:db8::1%5D:1234``.
        metadata: of the request; only the first value of a key counts.
        trust: a header that is not believed or does not parse is passed over.
    """
    headers = dict(reversed(list(metadata)))
    if trust.x_real_ip and (address := parse_address(headers.get("x-real-ip"))):
        return address
    if trust.first_x_forwarded_for:
        forwarded = headers.get("x-forwarded-for")
        first = forwarded.split(",")[0] if isinstance(forwarded, str) else None
        if first and (address := parse_address(first.strip(" "))):
            return address
    return _address_from_peer(peer)


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
