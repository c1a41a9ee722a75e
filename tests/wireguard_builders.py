"""WireGuard nouns, valid by default; override what matters."""

from ipaddress import IPv4Address, IPv4Network, IPv6Network
from typing import Any

from kubespan.model.address import Network
from kubespan.model.endpoint import Endpoint
from kubespan.model.keys import PublicKey, SecretKey
from kubespan.model.network import LinkSpec
from kubespan.model.wireguard import WireGuardChoice, WireGuardPeer, WireGuardSpec

LINK = "kubespan"
PRESHARED = SecretKey(b"p" * 32)
PRIVATE = SecretKey(bytes.fromhex("a8" * 31 + "48"))


def a_key(number: int) -> PublicKey:
    """A public key that sorts by its number."""
    return PublicKey(number.to_bytes(4, "big") * 8)


def networks_of(number: int, count: int = 3) -> tuple[Network, ...]:
    """Disjoint between numbers: one IPv6 address and ``count - 1`` IPv4 prefixes."""
    first = int(IPv4Address("10.0.0.0")) + (number << 8)
    mesh = IPv6Network(((0xFD << 120) + number, 128))
    pods = (IPv4Network((first + 16 * i, 28)) for i in range(count - 1))
    return (*pods, mesh)


def a_peer(number: int = 1, **changed: Any) -> WireGuardPeer:
    values: dict[str, Any] = {
        "public_key": a_key(number),
        "preshared_key": PRESHARED,
        "allowed_ips": networks_of(number),
        "endpoint": Endpoint(IPv4Address((192 << 24) + (2 << 8) + number), 51820),
    }
    return WireGuardPeer(**(values | changed))


def a_spec(*peers: WireGuardPeer, **changed: Any) -> WireGuardSpec:
    values: dict[str, Any] = {
        "link": LINK,
        "private_key": PRIVATE,
        "listen_port": 51820,
        "mark": 0x20,
        "peers": peers,
    }
    return WireGuardSpec(**(values | changed))


def a_link(
    name: str = LINK,
    mtu_bytes: int = 1420,
    wireguard: WireGuardChoice = WireGuardChoice.AUTO,
) -> LinkSpec:
    return LinkSpec(name, mtu_bytes, wireguard)
