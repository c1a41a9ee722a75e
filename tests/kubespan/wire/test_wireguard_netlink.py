import base64
import struct
from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from itertools import chain

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyroute2.netlink.generic.wireguard import wgmsg

from kubespan.errors import WireError
from kubespan.model.endpoint import Endpoint
from kubespan.model.keys import SecretKey
from kubespan.model.wireguard import (
    WireGuardChange,
    WireGuardPeerChange,
    WireGuardPeerSeen,
)
from kubespan.wire.netlink import encode_attribute, encode_generic, encode_nest
from kubespan.wire.wireguard_netlink import (
    MESSAGE_MAX_BYTES,
    decode_device,
    encode_change,
    encode_question,
)
from tests.wireguard_builders import PRESHARED, PRIVATE, a_key, a_peer, networks_of

HEADER_BYTES = 16
V4 = Endpoint(IPv4Address("192.0.2.1"), 51820)
V6 = Endpoint(IPv6Address("2001:db8::1"), 51820)


def a_change(number: int = 1, **changed) -> WireGuardPeerChange:
    peer = a_peer(number)
    values = {
        "public_key": peer.public_key,
        "new": True,
        "preshared_key": peer.preshared_key,
        "endpoint": peer.endpoint,
        "keepalive_s": 25,
        "allowed_ips": peer.allowed_ips,
    }
    return WireGuardPeerChange(**(values | changed))


def oracle(payload: bytes) -> dict:
    """What pyroute2's own decoder, written by others, sees in one message."""
    header = struct.pack("=IHHII", HEADER_BYTES + len(payload), 30, 0, 0, 0)
    message = wgmsg(header + payload)
    message.decode()
    found = dict(message["attrs"])
    peers = [dict(peer["attrs"]) for peer in found.get("WGDEVICE_A_PEERS", [])]
    return found | {"peers": peers, "cmd": message["cmd"]}


def test_question_names_the_link():
    found = oracle(encode_question("kubespan"))

    assert found["cmd"] == 0
    assert found["WGDEVICE_A_IFNAME"] == "kubespan"


@pytest.mark.checklist(41)
def test_device_and_peer_are_encoded_as_others_read_them():
    change = WireGuardChange("kubespan", PRIVATE, 51820, 0x20, (), (a_change(),))

    (payload,) = encode_change(change)

    found = oracle(payload)
    (peer,) = found["peers"]
    assert found["cmd"] == 1
    assert found["WGDEVICE_A_IFNAME"] == "kubespan"
    assert base64.b64decode(found["WGDEVICE_A_PRIVATE_KEY"]) == PRIVATE.raw
    assert found["WGDEVICE_A_LISTEN_PORT"] == 51820
    assert found["WGDEVICE_A_FWMARK"] == 0x20
    assert "WGDEVICE_A_FLAGS" not in found
    assert base64.b64decode(peer["WGPEER_A_PUBLIC_KEY"]) == a_key(1).raw
    assert base64.b64decode(peer["WGPEER_A_PRESHARED_KEY"]) == PRESHARED.raw
    assert peer["WGPEER_A_PERSISTENT_KEEPALIVE_INTERVAL"] == 25
    assert peer["WGPEER_A_FLAGS"] == 2
    assert peer["WGPEER_A_ENDPOINT"]["addr"] == str(a_peer(1).endpoint.ip)
    assert peer["WGPEER_A_ENDPOINT"]["port"] == 51820
    assert [ip["addr"] for ip in peer["WGPEER_A_ALLOWEDIPS"]] == [
        str(network) for network in networks_of(1)
    ]


def test_ipv6_endpoint_is_a_sockaddr_with_its_scope_in_host_order():
    # struct sockaddr_in6 of Linux: family, port, flowinfo, address, scope
    endpoint = Endpoint(IPv6Address("fe80::1%7"), 51820)
    expected = (
        struct.pack("=H", 10)
        + struct.pack(">HI", 51820, 0)
        + IPv6Address("fe80::1").packed
        + struct.pack("=I", 7)
    )

    (payload,) = encode_change(
        WireGuardChange("kubespan", set_peers=(a_change(endpoint=endpoint),))
    )

    assert expected in payload


@pytest.mark.parametrize("scope", ["eth0", str(1 << 32)])
def test_scope_that_is_no_number_is_refused(scope: str):
    endpoint = Endpoint(IPv6Address(f"fe80::1%{scope}"), 1)

    with pytest.raises(WireError, match="scope"):
        encode_change(WireGuardChange("a", set_peers=(a_change(endpoint=endpoint),)))


def test_what_is_left_alone_is_not_said():
    change = WireGuardPeerChange(a_key(1), new=False)

    (payload,) = encode_change(WireGuardChange("kubespan", set_peers=(change,)))

    found = oracle(payload)
    assert "WGDEVICE_A_PRIVATE_KEY" not in found
    assert found["peers"][0].keys() == {"WGPEER_A_PUBLIC_KEY", "WGPEER_A_FLAGS"}
    assert found["peers"][0]["WGPEER_A_FLAGS"] == 4


def test_removals_come_before_what_is_set():
    change = WireGuardChange("kubespan", remove=(a_key(9),), set_peers=(a_change(1),))

    (payload,) = encode_change(change)

    flags = [peer["WGPEER_A_FLAGS"] for peer in oracle(payload)["peers"]]
    assert flags == [1, 2]


def test_thousand_peers_fit_into_messages_of_32_kib():
    change = WireGuardChange(
        "kubespan", PRIVATE, 51820, 0x20, (), tuple(map(a_change, range(1, 1001)))
    )

    payloads = encode_change(change)

    found = [oracle(payload) for payload in payloads]
    peers = list(chain.from_iterable(message["peers"] for message in found))
    assert max(map(len, payloads)) + HEADER_BYTES <= MESSAGE_MAX_BYTES
    assert len(payloads) < 12
    assert ["WGDEVICE_A_PRIVATE_KEY" in message for message in found] == [
        True,
        *[False] * (len(found) - 1),
    ]
    assert [base64.b64decode(peer["WGPEER_A_PUBLIC_KEY"]) for peer in peers] == [
        a_key(number).raw for number in range(1, 1001)
    ]
    assert {len(peer["WGPEER_A_ALLOWEDIPS"]) for peer in peers} == {3}


def test_peer_with_5000_networks_replaces_once_and_then_adds():
    networks = tuple(IPv6Network(((0xFD << 120) + i, 128)) for i in range(5000))
    change = WireGuardChange("kubespan", set_peers=(a_change(1, allowed_ips=networks),))

    payloads = encode_change(change)

    peers = [peer for payload in payloads for peer in oracle(payload)["peers"]]
    found = [ip["addr"] for peer in peers for ip in peer["WGPEER_A_ALLOWEDIPS"]]
    assert max(map(len, payloads)) + HEADER_BYTES <= MESSAGE_MAX_BYTES
    assert len(payloads) > 1
    assert [peer["WGPEER_A_FLAGS"] for peer in peers] == [2, *[4] * (len(peers) - 1)]
    assert found == [str(network) for network in networks]
    assert all("WGPEER_A_PRESHARED_KEY" not in peer for peer in peers[1:])


def test_empty_change_is_one_message_that_names_the_link():
    (payload,) = encode_change(WireGuardChange("kubespan"))

    assert oracle(payload) == {
        "WGDEVICE_A_IFNAME": "kubespan",
        "peers": [],
        "cmd": 1,
    }


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
    change = WireGuardChange("kubespan", PRIVATE, 1, 2, (), (a_change(1), a_change(2)))
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
        a_change(n, allowed_ips=tuple(ips), endpoint=endpoint, keepalive_s=seconds)
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


def test_secret_is_not_shown():
    change = replace(a_change(), preshared_key=SecretKey(b"s" * 32))

    assert "sss" not in repr(change)
