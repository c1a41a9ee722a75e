"""IP addresses as the wire writes them: 4 bytes, 16 bytes, or 16 bytes and a zone.

Source:
    kubespan.md section 3.3; discovery.md section 1.5.
"""

from ipaddress import IPv4Address, IPv6Address
from typing import Final

from kubespan.errors import WireError
from kubespan.model.address import IPAddress

IPV4_BYTES: Final = 4
IPV6_BYTES: Final = 16
ZONE_MAX_BYTES: Final = 64
"""Far above any link name (15); a longer zone is nonsense."""


def encode_ip(ip: IPAddress | None) -> bytes:
    """Return the binary form, network byte order; unset is zero bytes."""
    if ip is None:
        return b""
    zone = ip.scope_id if isinstance(ip, IPv6Address) else None
    return ip.packed + (zone.encode() if zone else b"")


def decode_ip(raw: bytes) -> IPAddress | None:
    """Return the address, None for zero bytes; IPv4-mapped IPv6 stays IPv6.

    Raises:
        WireError: any other length, or a zone that is no text.
    """
    if not raw:
        return None
    if len(raw) == IPV4_BYTES:
        return IPv4Address(raw)
    if len(raw) < IPV6_BYTES:
        raise WireError(f"IP address: {len(raw)} bytes")
    ip = IPv6Address(raw[:IPV6_BYTES])
    return _with_zone(ip, raw[IPV6_BYTES:]) if len(raw) > IPV6_BYTES else ip


def _with_zone(ip: IPv6Address, zone: bytes) -> IPv6Address:
    try:
        text = zone.decode()
    except UnicodeDecodeError as error:
        raise WireError("IP address: the zone is no text") from error
    if len(zone) > ZONE_MAX_BYTES or not text.isprintable() or "%" in text:
        raise WireError("IP address: the zone is no link name")
    return IPv6Address(f"{ip}%{text}")
