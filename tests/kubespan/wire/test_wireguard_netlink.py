import base64
import struct
from dataclasses import replace
from ipaddress import IPv6Address, IPv6Network
from itertools import chain

import pytest
from pyroute2.netlink.generic.wireguard import wgmsg

from kubespan.errors import WireError
from kubespan.model.endpoint import Endpoint
from kubespan.model.keys import SecretKey
from kubespan.model.wireguard import (
    WireGuardChange,
    WireGuardPeerChange,
)
from kubespan.wire.wireguard_netlink import (
    MESSAGE_MAX_BYTES,
    encode_change,
    encode_question,
)
from tests.wireguard_builders import PRESHARED, PRIVATE, a_key, a_peer, networks_of

HEADER_BYTES = 16


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


def test_secret_is_not_shown():
    change = replace(a_change(), preshared_key=SecretKey(b"s" * 32))

    assert "sss" not in repr(change)
