"""Changes to a WireGuard device as generic netlink messages.

A change may need many messages, and one peer may need several: each peer becomes
segments of at most 256 allowed IPs, and segments are packed into messages. Only a
peer's first segment replaces; the others add.

Source:
    Linux include/uapi/linux/wireguard.h; kubespan.md section 4.5.
"""

from collections.abc import Iterable, Iterator
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network
from typing import Final

from kubespan.errors import WireError
from kubespan.model.address import Network
from kubespan.model.endpoint import Endpoint
from kubespan.model.keys import PublicKey
from kubespan.model.network import Family
from kubespan.model.wireguard import WireGuardChange, WireGuardPeerChange
from kubespan.wire.netlink import encode_attribute, encode_generic, encode_nest
from kubespan.wire.wireguard_attributes import (
    U8,
    U16,
    U32,
    AllowedIpAttribute,
    DeviceAttribute,
    PeerAttribute,
)

MESSAGE_MAX_BYTES: Final = 32 * 1024
"""With all headers; socket buffers of any host take that."""
SEGMENT_ALLOWED_IPS: Final = 256

_GET_DEVICE, _SET_DEVICE = 0, 1
_REMOVE, _REPLACE_ALLOWED_IPS, _UPDATE_ONLY = 1, 2, 4
_HEADERS_BYTES: Final = 16 + 4 + 20 + 4  # message, generic, link name, nest of peers
_CACHED: Final = 16384


def encode_question(link: str) -> bytes:
    """Return the payload of the request that dumps a device."""
    return encode_generic(_GET_DEVICE, _link_name(link))


def encode_change(change: WireGuardChange) -> list[bytes]:
    """Return payloads to send in order, each awaiting its acknowledgement.

    Device properties and removals come first; not atomic if there are several.

    Returns:
        at least one payload, each under ``MESSAGE_MAX_BYTES`` with its header.

    Raises:
        WireError: an endpoint's IPv6 scope is not a number.
    """
    device = _device_attributes(change)
    peers = [*map(_encode_removal, change.remove)]
    for peer in change.set_peers:
        peers += _encode_segments(peer)
    room = MESSAGE_MAX_BYTES - _HEADERS_BYTES
    name = _link_name(change.link)
    payloads = []
    for packed in _pack(peers, room - len(device), room):
        nest = encode_nest(DeviceAttribute.PEERS, packed) if packed else b""
        payloads.append(encode_generic(_SET_DEVICE, name + device + nest))
        device = b""
    return payloads


def _link_name(link: str) -> bytes:
    return encode_attribute(DeviceAttribute.LINK_NAME, link.encode() + b"\0")


def _device_attributes(change: WireGuardChange) -> bytes:
    found = b""
    if change.private_key is not None:
        found += encode_attribute(DeviceAttribute.PRIVATE_KEY, change.private_key.raw)
    if change.mark is not None:
        found += encode_attribute(DeviceAttribute.MARK, U32.pack(change.mark))
    if change.listen_port is not None:
        found += encode_attribute(
            DeviceAttribute.LISTEN_PORT, U16.pack(change.listen_port)
        )
    return found


def _pack(pieces: list[bytes], first_room: int, room: int) -> Iterator[bytes]:
    """Yield pieces joined into as few runs as fit; an empty one if there are none."""
    run: list[bytes] = []
    left = first_room
    for piece in pieces:
        if len(piece) > left:
            yield b"".join(run)
            run, left = [], room
        run.append(piece)
        left -= len(piece)
    yield b"".join(run)


def _encode_removal(key: PublicKey) -> bytes:
    return _encode_peer(key, _REMOVE, b"")


def _encode_segments(peer: WireGuardPeerChange) -> Iterator[bytes]:
    flags = 0 if peer.new else _UPDATE_ONLY
    properties = _peer_attributes(peer)
    if peer.allowed_ips is None:
        yield _encode_peer(peer.public_key, flags, properties)
        return
    ips = peer.allowed_ips
    yield _encode_peer(
        peer.public_key,
        flags | _REPLACE_ALLOWED_IPS,
        properties + _allowed_ips(ips[:SEGMENT_ALLOWED_IPS]),
    )
    for start in range(SEGMENT_ALLOWED_IPS, len(ips), SEGMENT_ALLOWED_IPS):
        segment = _allowed_ips(ips[start : start + SEGMENT_ALLOWED_IPS])
        yield _encode_peer(peer.public_key, _UPDATE_ONLY, segment)


def _encode_peer(key: PublicKey, flags: int, more: bytes) -> bytes:
    head = encode_attribute(PeerAttribute.PUBLIC_KEY, key.raw)
    if flags:
        head += encode_attribute(PeerAttribute.FLAGS, U32.pack(flags))
    return encode_nest(0, head + more)


def _peer_attributes(peer: WireGuardPeerChange) -> bytes:
    found = b""
    if peer.preshared_key is not None:
        found += encode_attribute(PeerAttribute.PRESHARED_KEY, peer.preshared_key.raw)
    if peer.endpoint is not None:
        found += encode_attribute(
            PeerAttribute.ENDPOINT, _encode_endpoint(peer.endpoint)
        )
    if peer.keepalive_s is not None:
        found += encode_attribute(PeerAttribute.KEEPALIVE, U16.pack(peer.keepalive_s))
    return found


def _allowed_ips(networks: Iterable[Network]) -> bytes:
    return encode_nest(
        PeerAttribute.ALLOWED_IPS, b"".join(map(_encode_network, networks))
    )


@lru_cache(_CACHED)
def _encode_network(network: Network) -> bytes:
    family = Family.INET if isinstance(network, IPv4Network) else Family.INET6
    return encode_nest(
        0,
        encode_attribute(AllowedIpAttribute.FAMILY, U16.pack(family))
        + encode_attribute(AllowedIpAttribute.ADDRESS, network.network_address.packed)
        + encode_attribute(AllowedIpAttribute.LENGTH, U8.pack(network.prefixlen)),
    )


def _encode_endpoint(endpoint: Endpoint) -> bytes:
    """Return a sockaddr: family in host order, port and address in network order."""
    port = endpoint.port.to_bytes(2, "big")
    if isinstance(endpoint.ip, IPv4Address):
        return U16.pack(Family.INET) + port + endpoint.ip.packed + bytes(8)
    scope = endpoint.ip.scope_id or "0"
    if not scope.isdecimal() or int(scope) >= 1 << 32:
        raise WireError(f"endpoint {endpoint}: its scope is not the number of a link")
    flow = bytes(4)
    return (
        U16.pack(Family.INET6) + port + flow + endpoint.ip.packed + U32.pack(int(scope))
    )
