"""A WireGuard device as the kernel dumps it by generic netlink.

Device properties come in the first message; a peer whose allowed IPs do not fit goes on
in the next one, with its key and more allowed IPs.

Source:
    Linux include/uapi/linux/wireguard.h; kubespan.md section 4.2.
"""

import struct
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Final

from kubespan.errors import WireError
from kubespan.model.address import Network
from kubespan.model.endpoint import Endpoint
from kubespan.model.keys import KEY_BYTES, PublicKey, SecretKey
from kubespan.model.network import Family
from kubespan.model.wireguard import WireGuardDevice, WireGuardPeerSeen
from kubespan.wire.netlink import parse_attributes, parse_generic
from kubespan.wire.wireguard_attributes import (
    U8,
    U16,
    U32,
    U64,
    AllowedIpAttribute,
    DeviceAttribute,
    PeerAttribute,
)

_TIME: Final = struct.Struct("=qq")
_NO_KEY: Final = bytes(KEY_BYTES)
_CACHED: Final = 16384


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
            case PeerAttribute.PRESHARED_KEY:
                # all zero means none
                self.preshared_key = SecretKey(raw) if raw != _NO_KEY else None
            case PeerAttribute.ENDPOINT:
                self.endpoint = _decode_endpoint(raw)
            case PeerAttribute.KEEPALIVE:
                (self.keepalive_s,) = U16.unpack(raw)
            case PeerAttribute.HANDSHAKE:
                seconds, nanoseconds = _TIME.unpack(raw)
                self.last_handshake_ns = max(0, seconds * 10**9 + nanoseconds)
            case PeerAttribute.RECEIVED:
                (self.receive_bytes,) = U64.unpack(raw)
            case PeerAttribute.SENT:
                (self.transmit_bytes,) = U64.unpack(raw)
            case PeerAttribute.ALLOWED_IPS:
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
            if kind == DeviceAttribute.PUBLIC_KEY:
                self.public_key = PublicKey(raw) if raw != _NO_KEY else None
            elif kind == DeviceAttribute.LISTEN_PORT:
                (self.listen_port,) = U16.unpack(raw)
            elif kind == DeviceAttribute.MARK:
                (self.mark,) = U32.unpack(raw)
            elif kind == DeviceAttribute.PEERS:
                for _, peer in parse_attributes(raw):
                    self._read_peer(list(parse_attributes(peer)))

    def _read_peer(self, attributes: list[tuple[int, bytes]]) -> None:
        keys = [raw for kind, raw in attributes if kind == PeerAttribute.PUBLIC_KEY]
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
    address, length = (
        value.get(AllowedIpAttribute.ADDRESS, b""),
        value.get(AllowedIpAttribute.LENGTH, b""),
    )
    (family,) = U16.unpack(value.get(AllowedIpAttribute.FAMILY, b""))
    (bits,) = U8.unpack(length)
    if family == Family.INET:
        return IPv4Network((IPv4Address(address), bits), strict=False)
    if family == Family.INET6:
        return IPv6Network((IPv6Address(address), bits), strict=False)
    raise WireError(f"netlink: WireGuard dump: address family {family}")


@lru_cache(_CACHED)
def _decode_endpoint(raw: bytes) -> Endpoint:
    """Read a sockaddr; IPv4-mapped addresses become plain IPv4 (section 4.2)."""
    (family,) = U16.unpack_from(raw)
    port = int.from_bytes(raw[2:4], "big")
    if family == Family.INET:
        return Endpoint(IPv4Address(raw[4:8]), port)
    if family != Family.INET6:
        raise WireError(f"netlink: WireGuard dump: endpoint of family {family}")
    (scope,) = U32.unpack_from(raw, 24)
    text = str(IPv6Address(raw[8:24]))
    return Endpoint(IPv6Address(f"{text}%{scope}" if scope else text), port).unmapped
