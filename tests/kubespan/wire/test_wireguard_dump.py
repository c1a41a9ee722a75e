import struct
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubespan.errors import WireError
from kubespan.logic.mesh.wireguard_diff import diff_wireguard
from kubespan.model.endpoint import Endpoint
from kubespan.model.wireguard import (
    WireGuardChange,
    WireGuardDevice,
    WireGuardPeerChange,
    WireGuardPeerSeen,
)
from kubespan.wire.netlink import encode_attribute, encode_generic, encode_nest
from kubespan.wire.wireguard_dump import decode_device
from kubespan.wire.wireguard_netlink import encode_change
from tests.wireguard_builders import PRESHARED, PRIVATE, a_key, a_peer, a_spec

V4 = Endpoint(IPv4Address("192.0.2.1"), 51820)

# A dump as the kernel makes it, put together from include/uapi/linux/wireguard.h.


def dumped(*attributes: bytes) -> bytes:
    return encode_generic(0, b"".join(attributes))


def peers_attribute(*peers: bytes) -> bytes:
    return encode_nest(8, b"".join(encode_nest(0, peer) for peer in peers))


def network_attribute(family: int, address: bytes, length: int) -> bytes:
    return encode_nest(
        0,
        encode_attribute(1, struct.pack("=H", family))
        + encode_attribute(2, address)
        + encode_attribute(3, bytes([length])),
    )


def dumped_peer(*more: bytes, number: int = 1) -> bytes:
    return encode_attribute(1, a_key(number).raw) + b"".join(more)


MAPPED = (
    struct.pack("=H", 10)
    + struct.pack(">HI", 7, 0)
    + (IPv6Address("::ffff:192.0.2.1").packed + struct.pack("=I", 0))
)
SCOPED = (
    struct.pack("=H", 10)
    + struct.pack(">HI", 7, 0)
    + (IPv6Address("fe80::1").packed + struct.pack("=I", 3))
)


def test_dump_is_read_with_every_property():
    networks = network_attribute(2, bytes([10, 1, 0, 0]), 24)
    networks += network_attribute(10, IPv6Address("fd00::1").packed, 128)
    peer = dumped_peer(
        encode_attribute(2, PRESHARED.raw),
        encode_attribute(4, struct.pack("=H", 2) + b"\xca\x6c\xc0\0\2\1" + bytes(8)),
        encode_attribute(5, struct.pack("=H", 25)),
        encode_attribute(6, struct.pack("=qq", 1700000000, 5)),
        encode_attribute(7, struct.pack("=Q", 1 << 40)),
        encode_attribute(8, struct.pack("=Q", 42)),
        encode_nest(9, networks),
        encode_attribute(10, struct.pack("=I", 1)),
    )
    device = dumped(
        encode_attribute(1, struct.pack("=I", 5)),
        encode_attribute(2, b"kubespan\0"),
        encode_attribute(3, PRIVATE.raw),
        encode_attribute(4, a_key(7).raw),
        encode_attribute(6, struct.pack("=H", 51820)),
        encode_attribute(7, struct.pack("=I", 0x20)),
        encode_attribute(99, b"from the future"),
        peers_attribute(peer),
    )

    found = decode_device("kubespan", [device], 12.5)

    assert (found.link, found.present, found.observed_s) == ("kubespan", True, 12.5)
    assert (found.public_key, found.listen_port) == (a_key(7), 51820)
    assert found.mark == 0x20
    assert found.peers == (
        WireGuardPeerSeen(
            a_key(1),
            PRESHARED,
            (IPv4Network("10.1.0.0/24"), IPv6Network("fd00::1/128")),
            V4,
            25,
            1700000000 * 10**9 + 5,
            1 << 40,
            42,
        ),
    )


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        pytest.param(MAPPED, Endpoint(IPv4Address("192.0.2.1"), 7), id="mapped IPv4"),
        pytest.param(SCOPED, Endpoint(IPv6Address("fe80::1%3"), 7), id="scope"),
    ],
)
def test_ipv6_endpoint_is_read(raw: bytes, expected: Endpoint):
    peer = dumped_peer(encode_attribute(4, raw))

    found = decode_device("kubespan", [dumped(peers_attribute(peer))], 0.0)

    assert found.peers[0].endpoint == expected


def test_keys_of_zero_are_none():
    peer = dumped_peer(encode_attribute(2, bytes(32)))
    device = dumped(encode_attribute(4, bytes(32)), peers_attribute(peer))

    found = decode_device("kubespan", [device], 0.0)

    assert found.public_key is None
    assert found.peers[0].preshared_key is None


def test_peer_that_continues_in_the_next_message_is_one_peer():
    first = network_attribute(2, bytes([10, 0, 0, 0]), 8)
    second = network_attribute(2, bytes([11, 0, 0, 0]), 8)
    payloads = [
        dumped(
            peers_attribute(
                dumped_peer(number=1),
                dumped_peer(
                    encode_attribute(5, struct.pack("=H", 25)),
                    encode_nest(9, first),
                    number=2,
                ),
            )
        ),
        dumped(
            peers_attribute(
                dumped_peer(encode_nest(9, second), number=2), dumped_peer(number=3)
            )
        ),
    ]

    found = decode_device("kubespan", payloads, 0.0)

    assert [peer.public_key for peer in found.peers] == list(map(a_key, (1, 2, 3)))
    assert found.peers[1].keepalive_s == 25
    assert found.peers[1].allowed_ips == (
        IPv4Network("10.0.0.0/8"),
        IPv4Network("11.0.0.0/8"),
    )


@pytest.mark.parametrize(
    "payload",
    [
        pytest.param(b"\0", id="generic header cut off"),
        pytest.param(dumped(b"\xff\xff\0\0"), id="attribute too long"),
        pytest.param(dumped(encode_attribute(4, b"short")), id="key too short"),
        pytest.param(dumped(encode_attribute(6, b"\0")), id="port too short"),
        pytest.param(dumped(peers_attribute(b"")), id="peer without key"),
        pytest.param(
            dumped(peers_attribute(dumped_peer(encode_attribute(4, b"\2\0")))),
            id="endpoint too short",
        ),
        pytest.param(
            dumped(peers_attribute(dumped_peer(encode_attribute(4, b"\1\0" * 14)))),
            id="endpoint of another family",
        ),
        pytest.param(
            dumped(
                peers_attribute(
                    dumped_peer(encode_nest(9, network_attribute(2, b"\x0a\0\0\0", 33)))
                )
            ),
            id="prefix length too long",
        ),
        pytest.param(
            dumped(
                peers_attribute(
                    dumped_peer(encode_nest(9, network_attribute(1, b"\x0a\0\0\0", 8)))
                )
            ),
            id="network of another family",
        ),
    ],
)
def test_malformed_dump_is_refused(payload: bytes):
    with pytest.raises(WireError):
        decode_device("kubespan", [payload], 0.0)


@given(st.lists(st.binary(max_size=120), max_size=3))
def test_any_bytes_are_read_or_refused(payloads: list[bytes]):
    try:
        decode_device("kubespan", payloads, 0.0)
    except WireError:
        return


@given(st.binary(max_size=200), st.integers(0, 600), st.binary(min_size=1, max_size=3))
def test_damaged_dump_is_read_or_refused(more: bytes, place: int, damage: bytes):
    device = WireGuardDevice("kubespan", 0.0)
    change = diff_wireguard(a_spec(a_peer(1), a_peer(2)), device)
    payload = bytearray(encode_change(change)[0] + more)
    place %= len(payload)
    payload[place : place + len(damage)] = damage

    try:
        decode_device("kubespan", [bytes(payload)], 0.0)
    except WireError:
        return


networks = st.one_of(
    st.builds(
        lambda a, n: IPv4Network((a, n), strict=False),
        st.integers(0, 2**32 - 1),
        st.integers(0, 32),
    ),
    st.builds(
        lambda a, n: IPv6Network((a, n), strict=False),
        st.integers(0, 2**128 - 1),
        st.integers(0, 128),
    ),
)
endpoints = st.builds(
    Endpoint,
    st.one_of(
        st.integers(0, 2**32 - 1).map(IPv4Address),
        st.integers(0, 2**128 - 1).map(IPv6Address),
    ),
    st.integers(0, 65535),
)


@given(
    st.lists(
        st.tuples(
            st.lists(networks, max_size=300), st.none() | endpoints, st.integers(0, 9)
        ),
        max_size=8,
    )
)
def test_what_is_encoded_is_read_back(peers: list):
    changes = tuple(
        WireGuardPeerChange(a_key(n), True, PRESHARED, endpoint, seconds, tuple(ips))
        for n, (ips, endpoint, seconds) in enumerate(peers, 1)
    )

    payloads = encode_change(WireGuardChange("kubespan", set_peers=changes))
    found = decode_device("kubespan", payloads, 0.0)

    assert found.peers == tuple(
        WireGuardPeerSeen(
            change.public_key,
            change.preshared_key,
            change.allowed_ips,
            change.endpoint.unmapped if change.endpoint else None,
            change.keepalive_s,
        )
        for change in changes
    )
