"""Addresses inside the mesh: derived, never configured.

Source:
    kubespan.md sections 1.5 and 1.6.
"""

import hashlib
from collections.abc import Iterable
from ipaddress import IPv6Address, IPv6Interface, IPv6Network
from typing import Final

from kubespan.model.address import IPAddress
from kubespan.model.host import HostLink

MESH_PREFIX_BITS: Final = 64
HOST_PART_BYTES: Final = 8
_ULA_FIRST_BYTE: Final = 0xFD
_PURPOSE_KUBESPAN: Final = 0x02
_PURPOSE_SIDEROLINK: Final = 0x03
_UNIVERSAL_BIT: Final = 0x02
_GROUP_BIT: Final = 0x01
_NODE_ID_SALT: Final = b"kubespan host part\0"


def mesh_prefix(cluster_id: str) -> IPv6Network:
    """Return the /64 that all nodes of a cluster share.

    Args:
        cluster_id: the text exactly as configured; never decoded or normalised.

    Returns:
        ``fdXX:XXXX:XXXX:XX02::/64``, X from the last 16 bytes of SHA-256 of the ID.
    """
    prefix = bytearray(hashlib.sha256(cluster_id.encode()).digest()[16:])
    prefix[0] = _ULA_FIRST_BYTE
    prefix[7] = _PURPOSE_KUBESPAN
    network = bytes(prefix[:HOST_PART_BYTES]) + bytes(HOST_PART_BYTES)
    return IPv6Network((network, MESH_PREFIX_BITS))


def is_kubespan_ula(ip: IPAddress) -> bool:
    """Tell whether ``ip`` is a mesh address, of this or any other cluster."""
    return _has_purpose(ip, _PURPOSE_KUBESPAN)


def is_siderolink_ula(ip: IPAddress) -> bool:
    """Tell whether ``ip`` belongs to SideroLink, which KubeSpan never publishes."""
    return _has_purpose(ip, _PURPOSE_SIDEROLINK)


def first_hardware_address(links: Iterable[HostLink]) -> bytes | None:
    """Return the address of the first physical Ethernet link by name.

    Bonds, bridges, VLANs and other links made by software have a kind and are skipped.

    Returns:
        6 or 8 bytes; None when there is no such link.
    """
    for link in sorted(links, key=lambda link: link.name):
        mac = link.hardware_address
        usable = len(mac) in (6, HOST_PART_BYTES) and any(mac)
        if link.ethernet and not link.kind and usable:
            return mac
    return None


def host_part_from_mac(mac: bytes) -> bytes:
    """Return the modified EUI-64 of a hardware address, 8 bytes.

    Raises:
        ValueError: ``mac`` is neither 6 nor 8 bytes.
    """
    if len(mac) == 6:
        mac = mac[:3] + b"\xff\xfe" + mac[3:]
    if len(mac) != HOST_PART_BYTES:
        raise ValueError(f"hardware address: {len(mac)} bytes, not 6 or 8")
    return bytes([mac[0] ^ _UNIVERSAL_BIT]) + mac[1:]


def host_part_from_node_id(node_id: str) -> bytes:
    """Return a stable host part for a node without a physical link, 8 bytes.

    It is the start of SHA-256 of the node ID, marked as locally administered (the
    universal and the group bit of RFC 4291 are 0) and with the top bit of byte 3
    cleared: the EUI-64 of a 6-byte MAC has 0xff there, so the two never meet.
    """
    part = bytearray(hashlib.sha256(_NODE_ID_SALT + node_id.encode()).digest()[:8])
    part[0] &= 0xFF ^ (_UNIVERSAL_BIT | _GROUP_BIT)
    part[3] &= 0x7F
    return bytes(part)


def mesh_address(prefix: IPv6Network, host_part: bytes) -> IPv6Interface:
    """Return the node's address inside ``prefix``, as /128.

    Raises:
        ValueError: ``prefix`` is no /64 or ``host_part`` is not 8 bytes.
    """
    if prefix.prefixlen != MESH_PREFIX_BITS or len(host_part) != HOST_PART_BYTES:
        raise ValueError(f"mesh address: {prefix} and {len(host_part)} bytes")
    packed = prefix.network_address.packed[:HOST_PART_BYTES] + host_part
    return IPv6Interface((packed, 128))


def _has_purpose(ip: IPAddress, purpose: int) -> bool:
    packed = ip.packed
    return (
        isinstance(ip, IPv6Address)
        and packed[0] == _ULA_FIRST_BYTE
        and packed[7] == purpose
    )
