from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubespan.errors import WireError
from kubespan.logic.identity.key_pair import public_half
from kubespan.model.endpoint import Endpoint
from kubespan.model.keys import PublicKey
from kubespan.model.wireguard import (
    WireGuardChange,
    WireGuardPeerChange,
    WireGuardPeerSeen,
)
from kubespan.wire.wireguard_uapi import (
    ANSWER_MAX_BYTES,
    encode_change,
    parse_device,
    parse_errno,
)
from tests.wireguard_builders import PRESHARED, PRIVATE, a_key

# Put together after the example of www.wireguard.com/xplatform, with its oddities: the
# order of lines differs between peers, and not every peer says everything.
EXAMPLE = b"""\
private_key=e84b5a6d2717c1003a13b431570353dbaca9146cf150c5f8575680feba52027a
listen_port=12912
public_key=b85996fecc9c7f1fc6d2572a76eda11d59bcd20be8e543b15ce4bd85a8e75a33
preshared_key=188515093e952f5f22e865cef3012e72f8b5f0b598ac0309d5dacce3b70fcf52
allowed_ip=192.168.4.4/32
endpoint=[abcd:23::33%2]:51820
public_key=58402e695ba1772b1cc9309755f043251ea77fdcf10fbe63989ceb7e19321376
tx_bytes=38333
rx_bytes=2224
allowed_ip=192.168.4.6/32
persistent_keepalive_interval=111
endpoint=182.122.22.19:3233
last_handshake_time_sec=1700000000
last_handshake_time_nsec=5
public_key=662e14fd594556f522604703340351258903b64f35553763f19426ab2a515c58
endpoint=5.152.198.39:51820
allowed_ip=192.168.4.10/32
allowed_ip=192.168.4.11/32
tx_bytes=1212111
rx_bytes=1929999999
protocol_version=1
errno=0

"""


def test_change_is_written_in_order():
    change = WireGuardChange(
        "kubespan",
        PRIVATE,
        51820,
        0x20,
        (a_key(9),),
        (
            WireGuardPeerChange(
                a_key(1),
                new=True,
                preshared_key=PRESHARED,
                endpoint=Endpoint(IPv6Address("2001:db8::1"), 51820),
                keepalive_s=25,
                allowed_ips=(IPv4Network("10.0.0.0/8"), IPv6Network("fd00::1/128")),
            ),
            WireGuardPeerChange(a_key(2), new=False, allowed_ips=()),
        ),
    )

    assert encode_change(change).decode().split("\n") == [
        "set=1",
        f"private_key={PRIVATE.raw.hex()}",
        "fwmark=32",
        "listen_port=51820",
        f"public_key={a_key(9).raw.hex()}",
        "remove=true",
        f"public_key={a_key(1).raw.hex()}",
        f"preshared_key={PRESHARED.raw.hex()}",
        "endpoint=[2001:db8::1]:51820",
        "persistent_keepalive_interval=25",
        "replace_allowed_ips=true",
        "allowed_ip=10.0.0.0/8",
        "allowed_ip=fd00::1/128",
        f"public_key={a_key(2).raw.hex()}",
        "update_only=true",
        "replace_allowed_ips=true",
        "",
        "",
    ]


def test_empty_change_says_nothing():
    assert encode_change(WireGuardChange("kubespan")) == b"set=1\n\n"


def test_every_property_is_read_in_any_order():
    device = parse_device("wg0", EXAMPLE, 3.0)

    first, second, third = device.peers
    assert (device.link, device.observed_s, device.present) == ("wg0", 3.0, True)
    assert device.listen_port == 12912
    assert device.mark == 0
    assert device.public_key is not None
    assert first.endpoint == Endpoint(IPv6Address("abcd:23::33%2"), 51820)
    assert first.preshared_key is not None
    assert second == WireGuardPeerSeen(
        PublicKey(
            bytes.fromhex(
                "58402e695ba1772b1cc9309755f043251ea77fdcf10fbe63989ceb7e19321376"
            )
        ),
        None,
        (IPv4Network("192.168.4.6/32"),),
        Endpoint(IPv4Address("182.122.22.19"), 3233),
        111,
        1700000000 * 10**9 + 5,
        2224,
        38333,
    )
    assert len(third.allowed_ips) == 2


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        pytest.param(
            f"private_key={PRIVATE.raw.hex()}", public_half(PRIVATE), id="private half"
        ),
        pytest.param(
            f"own_public_key={a_key(5).raw.hex()}", a_key(5), id="public half only"
        ),
        pytest.param(f"private_key={'0' * 64}", None, id="no key"),
        pytest.param("errno=0", None, id="not said"),
    ],
)
def test_public_key_of_the_device_is_known_however_it_is_shown(line, expected):
    answer = f"{line}\nfwmark=32\nerrno=0\n\n".encode()

    device = parse_device("kubespan", answer, 0.0)

    assert device.public_key == expected
    assert device.mark == 0x20


def test_mapped_endpoint_is_plain_and_zero_secret_is_none():
    answer = (
        f"public_key={a_key(1).raw.hex()}\npreshared_key={'0' * 64}\n"
        "endpoint=[::ffff:192.0.2.1]:7\nerrno=0\n\n"
    )

    (peer,) = parse_device("kubespan", answer.encode(), 0.0).peers

    assert peer.endpoint == Endpoint(IPv4Address("192.0.2.1"), 7)
    assert peer.preshared_key is None


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (b"errno=0\n\n", 0),
        (b"errno=-22\n\n", 22),
        (b"errno=98\n\n", 98),
        (EXAMPLE, 0),
    ],
)
def test_errno_is_read_whatever_its_sign(answer: bytes, expected: int):
    assert parse_errno(answer) == expected


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"\n\n", id="blank"),
        pytest.param(b"errno\n\n", id="no number"),
        pytest.param(b"errno=x\n\n", id="not a number"),
        pytest.param(b"errno=" + b"9" * 30 + b"\n\n", id="a number too long"),
        pytest.param(b"listen_port=1\n\n", id="another line"),
        pytest.param(b"\xff" * 10, id="not ASCII"),
        pytest.param(b"a" * 1000, id="line without end"),
        pytest.param(b"\n" * (ANSWER_MAX_BYTES + 1), id="too long"),
    ],
)
def test_answer_without_errno_is_refused(answer: bytes):
    with pytest.raises(WireError, match="uapi"):
        parse_errno(answer)


PEER = f"public_key={a_key(1).raw.hex()}\n"


@pytest.mark.parametrize(
    "lines",
    [
        pytest.param("listen_port", id="no value"),
        pytest.param("listen_port=-1", id="negative port"),
        pytest.param("listen_port=1e3", id="odd number"),
        pytest.param("private_key=00", id="short key"),
        pytest.param("private_key=" + "x" * 64, id="not hexadecimal"),
        pytest.param("public_key=00", id="short peer key"),
        pytest.param(PEER + "allowed_ip=10.0.0.0/33", id="prefix too long"),
        pytest.param(PEER + "allowed_ip=here", id="no network"),
        pytest.param(PEER + "endpoint=example.org:1", id="host name"),
        pytest.param(PEER + "endpoint=192.0.2.1:99999", id="port too large"),
        pytest.param(PEER + "rx_bytes=many", id="no count"),
        pytest.param(PEER + "preshared_key=abc", id="odd secret"),
    ],
)
def test_malformed_line_is_refused_without_its_value(lines: str):
    with pytest.raises(WireError, match="uapi") as caught:
        parse_device("kubespan", f"{lines}\nerrno=0\n\n".encode(), 0.0)

    value = lines.rpartition("=")[2]
    assert len(value) < 10 or value not in str(caught.value)
    assert caught.value.__cause__ is None


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(answer: bytes):
    for parse in (parse_errno, lambda raw: parse_device("kubespan", raw, 0.0)):
        try:
            parse(answer)
        except WireError:
            continue


KEYS = [
    "private_key",
    "public_key",
    "preshared_key",
    "endpoint",
    "allowed_ip",
    "rx_bytes",
    "errno",
    "listen_port",
    "fwmark",
    "last_handshake_time_sec",
    "own_public_key",
]
values = st.one_of(
    st.text("0123456789abcdef.:/[]%=", max_size=70),
    st.sampled_from(["0" * 64, "1" * 64, "10.0.0.0/8", "192.0.2.1:1", "::/0"]),
)


@given(st.lists(st.tuples(st.sampled_from(KEYS), values), max_size=12))
def test_any_lines_are_read_or_refused(lines: list[tuple[str, str]]):
    answer = "".join(f"{key}={value}\n" for key, value in lines) + "errno=0\n\n"

    try:
        parse_device("kubespan", answer.encode(), 0.0)
    except WireError:
        return
