"""WireGuard over generic netlink: changes to messages, dumps to a device.

A change may need many messages, and one peer may need several: each peer becomes
segments of at most 256 allowed IPs, and segments are packed into messages. Only a
peer's first segment replaces; the others add.

Source:
    Linux include/uapi/linux/wireguard.h; kubespan.md section 4.5.
"""

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import IntEnum
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Final

from kubespan.errors import WireError
from kubespan.model.address import Network
from kubespan.model.endpoint import Endpoint
from kubespan.model.keys import KEY_BYTES, PublicKey, SecretKey
from kubespan.model.network import Family
from kubespan.model.wireguard import (
    WireGuardChange,
    WireGuardDevice,
    WireGuardPeerChange,
    WireGuardPeerSeen,
)
from kubespan.wire.netlink import (
    encode_attribute,
    encode_generic,
    encode_nest,
    parse_attributes,
    parse_generic,
)

FAMILY_NAME: Final = "wireguard"
MESSAGE_MAX_BYTES: Final = 32 * 1024
"""With all headers; socket buffers of any host take that."""
SEGMENT_ALLOWED_IPS: Final = 256

_GET_DEVICE, _SET_DEVICE = 0, 1
_REMOVE, _REPLACE_ALLOWED_IPS, _UPDATE_ONLY = 1, 2, 4
_IP_FAMILY, _IP_ADDRESS, _IP_LENGTH = 1, 2, 3
_U8, _U16, _U32 = struct.Struct("=B"), struct.Struct("=H"), struct.Struct("=I")
_U64, _TIME = struct.Struct("=Q"), struct.Struct("=qq")
_HEADERS_BYTES: Final = 16 + 4 + 20 + 4  # message, generic, link name, nest of peers
_NO_KEY: Final = bytes(KEY_BYTES)
_CACHED: Final = 16384


class _Device(IntEnum):
    """``WGDEVICE_A_*``."""

    LINK_NAME = 2
    PRIVATE_KEY = 3
    PUBLIC_KEY = 4
    LISTEN_PORT = 6
    MARK = 7
    PEERS = 8


class _Peer(IntEnum):
    """``WGPEER_A_*``."""

    PUBLIC_KEY = 1
    PRESHARED_KEY = 2
    FLAGS = 3
    ENDPOINT = 4
    KEEPALIVE = 5
    HANDSHAKE = 6
    RECEIVED = 7
    SENT = 8
    ALLOWED_IPS = 9


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
        nest = encode_nest(_Device.PEERS, packed) if packed else b""
        payloads.append(encode_generic(_SET_DEVICE, name + device + nest))
        device = b""
    return payloads


def decode_device(
    link: str, payloads: Iterable[bytes], observed_s: float
) -> WireGuardDevice:
    """Return the device that a dump shows; peers split over messages are merged.

    Args:
        link: name for the result.
        payloads: of all messages of the dump, in order.
        observed_s: monotonic instant of the dump.

    Raises:
        WireError: malformed; attributes nobody knows are ignored.
    """
    device = _DeviceDraft()
    try:
        for payload in payloads:
            device.read(parse_generic(payload))
    except (ValueError, struct.error) as error:
        raise WireError(f"netlink: WireGuard dump: {error}") from error
    return WireGuardDevice(
        link=link,
        observed_s=observed_s,
        present=True,
        public_key=device.public_key,
        listen_port=device.listen_port,
        mark=device.mark,
        peers=tuple(peer.finish() for peer in device.peer_by_key.values()),
    )


def _link_name(link: str) -> bytes:
    return encode_attribute(_Device.LINK_NAME, link.encode() + b"\0")


def _device_attributes(change: WireGuardChange) -> bytes:
    found = b""
    if change.private_key is not None:
        found += encode_attribute(_Device.PRIVATE_KEY, change.private_key.raw)
    if change.mark is not None:
        found += encode_attribute(_Device.MARK, _U32.pack(change.mark))
    if change.listen_port is not None:
        found += encode_attribute(_Device.LISTEN_PORT, _U16.pack(change.listen_port))
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
    head = encode_attribute(_Peer.PUBLIC_KEY, key.raw)
    if flags:
        head += encode_attribute(_Peer.FLAGS, _U32.pack(flags))
    return encode_nest(0, head + more)


def _peer_attributes(peer: WireGuardPeerChange) -> bytes:
    found = b""
    if peer.preshared_key is not None:
        found += encode_attribute(_Peer.PRESHARED_KEY, peer.preshared_key.raw)
    if peer.endpoint is not None:
        found += encode_attribute(_Peer.ENDPOINT, _encode_endpoint(peer.endpoint))
    if peer.keepalive_s is not None:
        found += encode_attribute(_Peer.KEEPALIVE, _U16.pack(peer.keepalive_s))
    return found


def _allowed_ips(networks: Iterable[Network]) -> bytes:
    return encode_nest(_Peer.ALLOWED_IPS, b"".join(map(_encode_network, networks)))


@lru_cache(_CACHED)
def _encode_network(network: Network) -> bytes:
    family = Family.INET if isinstance(network, IPv4Network) else Family.INET6
    return encode_nest(
        0,
        encode_attribute(_IP_FAMILY, _U16.pack(family))
        + encode_attribute(_IP_ADDRESS, network.network_address.packed)
        + encode_attribute(_IP_LENGTH, _U8.pack(network.prefixlen)),
    )


def _encode_endpoint(endpoint: Endpoint) -> bytes:
    """Return a sockaddr: family in host order, port and address in network order."""
    port = endpoint.port.to_bytes(2, "big")
    if isinstance(endpoint.ip, IPv4Address):
        return _U16.pack(Family.INET) + port + endpoint.ip.packed + bytes(8)
    scope = endpoint.ip.scope_id or "0"
    if not scope.isdecimal() or int(scope) >= 1 << 32:
        raise WireError(f"endpoint {endpoint}: its scope is not the number of a link")
    flow = bytes(4)
    return (
        _U16.pack(Family.INET6)
        + port
        + flow
        + endpoint.ip.packed
        + _U32.pack(int(scope))
    )


@dataclass(slots=True)
class _PeerDraft:
    """A peer while its messages are read."""

    key: PublicKey
    preshared_key: SecretKey | None = None
    endpoint: Endpoint | None = None
    keepalive_s: int = 0
    last_handshake_ns: int = 0
    receive_bytes: int = 0
    transmit_bytes: int = 0
    allowed_ips: list[Network] = field(default_factory=list)

    def read(self, kind: int, raw: bytes) -> None:
        """Take one attribute; a property of a continued peer is simply repeated."""
        match kind:
            case _Peer.PRESHARED_KEY:
                # all zero means none
                self.preshared_key = SecretKey(raw) if raw != _NO_KEY else None
            case _Peer.ENDPOINT:
                self.endpoint = _decode_endpoint(raw)
            case _Peer.KEEPALIVE:
                (self.keepalive_s,) = _U16.unpack(raw)
            case _Peer.HANDSHAKE:
                seconds, nanoseconds = _TIME.unpack(raw)
                self.last_handshake_ns = max(0, seconds * 10**9 + nanoseconds)
            case _Peer.RECEIVED:
                (self.receive_bytes,) = _U64.unpack(raw)
            case _Peer.SENT:
                (self.transmit_bytes,) = _U64.unpack(raw)
            case _Peer.ALLOWED_IPS:
                self.allowed_ips += (
                    _decode_network(item) for _, item in parse_attributes(raw)
                )

    def finish(self) -> WireGuardPeerSeen:
        """Return what was read."""
        return WireGuardPeerSeen(
            public_key=self.key,
            preshared_key=self.preshared_key,
            allowed_ips=tuple(self.allowed_ips),
            endpoint=self.endpoint,
            keepalive_s=self.keepalive_s,
            last_handshake_ns=self.last_handshake_ns,
            receive_bytes=self.receive_bytes,
            transmit_bytes=self.transmit_bytes,
        )


@dataclass(slots=True)
class _DeviceDraft:
    """A device while its messages are read."""

    public_key: PublicKey | None = None
    listen_port: int = 0
    mark: int = 0
    peer_by_key: dict[bytes, _PeerDraft] = field(default_factory=dict)

    def read(self, attributes: bytes) -> None:
        """Take the attributes of one message."""
        for kind, raw in parse_attributes(attributes):
            if kind == _Device.PUBLIC_KEY:
                self.public_key = PublicKey(raw) if raw != _NO_KEY else None
            elif kind == _Device.LISTEN_PORT:
                (self.listen_port,) = _U16.unpack(raw)
            elif kind == _Device.MARK:
                (self.mark,) = _U32.unpack(raw)
            elif kind == _Device.PEERS:
                for _, peer in parse_attributes(raw):
                    self._read_peer(list(parse_attributes(peer)))

    def _read_peer(self, attributes: list[tuple[int, bytes]]) -> None:
        keys = [raw for kind, raw in attributes if kind == _Peer.PUBLIC_KEY]
        if not keys:
            raise WireError("netlink: WireGuard dump: a peer without key")
        draft = self.peer_by_key.get(keys[0])
        if draft is None:
            draft = self.peer_by_key[keys[0]] = _PeerDraft(PublicKey(keys[0]))
        for kind, raw in attributes:
            draft.read(kind, raw)


@lru_cache(_CACHED)
def _decode_network(raw: bytes) -> Network:
    value = dict(parse_attributes(raw))
    address, length = value.get(_IP_ADDRESS, b""), value.get(_IP_LENGTH, b"")
    (family,) = _U16.unpack(value.get(_IP_FAMILY, b""))
    (bits,) = _U8.unpack(length)
    if family == Family.INET:
        return IPv4Network((IPv4Address(address), bits), strict=False)
    if family == Family.INET6:
        return IPv6Network((IPv6Address(address), bits), strict=False)
    raise WireError(f"netlink: WireGuard dump: address family {family}")


@lru_cache(_CACHED)
def _decode_endpoint(raw: bytes) -> Endpoint:
    """Read a sockaddr; IPv4-mapped addresses become plain IPv4 (section 4.2)."""
    (family,) = _U16.unpack_from(raw)
    port = int.from_bytes(raw[2:4], "big")
    if family == Family.INET:
        return Endpoint(IPv4Address(raw[4:8]), port)
    if family != Family.INET6:
        raise WireError(f"netlink: WireGuard dump: endpoint of family {family}")
    (scope,) = _U32.unpack_from(raw, 24)
    text = str(IPv6Address(raw[8:24]))
    return Endpoint(IPv6Address(f"{text}%{scope}" if scope else text), port).unmapped
