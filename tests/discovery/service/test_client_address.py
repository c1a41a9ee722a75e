import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from discovery.service.client_address import (
    HeaderTrust,
    client_from_address,
    encode_address,
    find_client_address,
    parse_address,
)

PEER = "ipv4:127.0.0.1:1234"
LOOPBACK = bytes([127, 0, 0, 1])
ALL = HeaderTrust(x_real_ip=True, first_x_forwarded_for=True)
MAPPED = bytes(10) + b"\xff\xff\x01\x02\x03\x04"
LINK_LOCAL = bytes.fromhex("fe80" + "00" * 13 + "01")


def encoded(trust: HeaderTrust, *headers: tuple[str, str], peer: str = PEER) -> bytes:
    return encode_address(find_client_address(peer, headers, trust))


# Source: the table of discovery.md 3.1.
@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param("1.2.3.4", bytes([1, 2, 3, 4]), id="IPv4"),
        pytest.param("::ffff:1.2.3.4", MAPPED, id="mapped form kept"),
        pytest.param("fe80::1%eth0", LINK_LOCAL + b"eth0", id="zone"),
        pytest.param("1.2.3.4:80", LOOPBACK, id="port"),
        pytest.param("[::1]", LOOPBACK, id="brackets"),
        pytest.param(" 1.2.3.4", LOOPBACK, id="leading space"),
        pytest.param("1.2.3.4 ", LOOPBACK, id="trailing space"),
        pytest.param("010.1.1.1", LOOPBACK, id="leading zero"),
        pytest.param("", LOOPBACK, id="empty"),
        pytest.param("junk", LOOPBACK, id="junk"),
        pytest.param("1.2.3.4/24", LOOPBACK, id="prefix"),
        pytest.param("fe80::1%", LOOPBACK, id="empty zone"),
        pytest.param("fe80::1%" + "z" * 65, LOOPBACK, id="endless zone"),
    ],
)
def test_x_real_ip_is_a_bare_address_or_ignored(value: str, expected: bytes) -> None:
    assert encoded(ALL, ("x-real-ip", value)) == expected


# Source: the table of discovery.md 3.1.
@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param("5.6.7.8,192.168.0.0.1", bytes([5, 6, 7, 8]), id="first counts"),
        pytest.param(" 9.9.9.9 , 1.1.1.1", bytes([9, 9, 9, 9]), id="spaces trimmed"),
        pytest.param("bad,1.1.1.1", LOOPBACK, id="only the first is tried"),
        pytest.param(",1.1.1.1", LOOPBACK, id="empty first"),
        pytest.param("", LOOPBACK, id="empty"),
    ],
)
def test_first_hop_of_x_forwarded_for_counts(value: str, expected: bytes) -> None:
    assert encoded(ALL, ("x-forwarded-for", value)) == expected


def test_x_real_ip_wins_over_x_forwarded_for() -> None:
    headers = (("x-forwarded-for", "5.6.7.8"), ("x-real-ip", "1.2.3.4"))

    assert encoded(ALL, *headers) == bytes([1, 2, 3, 4])


def test_first_of_repeated_headers_counts() -> None:
    headers = (("x-real-ip", "1.2.3.4"), ("x-real-ip", "5.6.7.8"))

    assert encoded(ALL, *headers) == bytes([1, 2, 3, 4])


def test_bad_x_real_ip_falls_through_to_x_forwarded_for() -> None:
    headers = (("x-real-ip", "junk"), ("x-forwarded-for", "5.6.7.8"))

    assert encoded(ALL, *headers) == bytes([5, 6, 7, 8])


@pytest.mark.parametrize(
    ("trust", "expected"),
    [
        pytest.param(HeaderTrust(), LOOPBACK, id="none, the default"),
        pytest.param(HeaderTrust(x_real_ip=True), bytes([1, 2, 3, 4]), id="real IP"),
        pytest.param(
            HeaderTrust(first_x_forwarded_for=True), bytes([5, 6, 7, 8]), id="forwarded"
        ),
    ],
)
def test_only_trusted_headers_are_believed(trust: HeaderTrust, expected: bytes) -> None:
    headers = (("x-real-ip", "1.2.3.4"), ("x-forwarded-for", "5.6.7.8"))

    assert encoded(trust, *headers) == expected


# Source: discovery.md 9.6; as grpcio 1.85 says it.
@pytest.mark.parametrize(
    ("peer", "expected"),
    [
        pytest.param("ipv4:192.0.2.1:55", bytes([192, 0, 2, 1]), id="IPv4"),
        pytest.param("ipv6:%5B::1%5D:55", bytes(15) + b"\x01", id="IPv6"),
        pytest.param("ipv6:%5Bfe80::1%25eth0%5D:5", LINK_LOCAL + b"eth0", id="zone"),
        pytest.param("ipv6:[::1]:55", bytes(15) + b"\x01", id="not escaped"),
        pytest.param("unix:", b"", id="unix socket"),
        pytest.param("", b"", id="nothing"),
        pytest.param("ipv4:junk", b"", id="junk"),
    ],
)
def test_address_of_the_connection_is_read(peer: str, expected: bytes) -> None:
    assert encoded(HeaderTrust(), peer=peer) == expected


def test_binary_headers_are_no_addresses() -> None:
    assert parse_address(b"1.2.3.4") is None


@given(st.text() | st.from_regex(r"[0-9a-f:.%\[\]]{1,40}", fullmatch=True))
def test_any_text_is_an_address_or_not(text: str) -> None:
    address = parse_address(text)

    assert address is None or str(address) == str(ipaddress.ip_address(text))
    assert len(encode_address(address)) in {0, 4, 16} or "%" in text


BEHIND = HeaderTrust(
    proxies=(ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("10.0.0.0/8"))
)


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        pytest.param([("x-real-ip", "1.2.3.4")], "1.2.3.4", id="real IP"),
        pytest.param(
            [("x-real-ip", "1.2.3.4"), ("x-forwarded-for", "5.6.7.8")],
            "1.2.3.4",
            id="real IP first",
        ),
        pytest.param(
            [("x-real-ip", "6.6.6.6"), ("x-real-ip", "1.2.3.4")],
            "1.2.3.4",
            id="what the proxy added, not what the client sent",
        ),
        pytest.param(
            [("x-forwarded-for", "6.6.6.6, 5.6.7.8")],
            "5.6.7.8",
            id="last hop, not what the client sent",
        ),
        pytest.param(
            [("x-forwarded-for", "6.6.6.6, 5.6.7.8, 10.1.1.1,10.2.2.2")],
            "5.6.7.8",
            id="proxies in a row",
        ),
        pytest.param(
            [("x-forwarded-for", "6.6.6.6"), ("x-forwarded-for", "5.6.7.8")],
            "5.6.7.8",
            id="header twice",
        ),
        pytest.param(
            [("x-forwarded-for", "10.1.1.1, 10.2.2.2")],
            "10.1.1.1",
            id="client inside the proxies' network",
        ),
        pytest.param(
            [("x-forwarded-for", "::ffff:10.1.1.1, 5.6.7.8, ::ffff:10.1.1.2")],
            "5.6.7.8",
            id="proxy written as IPv6",
        ),
        pytest.param(
            [("x-forwarded-for", "5.6.7.8, junk, 10.1.1.1")],
            "10.1.1.1",
            id="nothing behind junk is believed",
        ),
        pytest.param([("x-forwarded-for", "junk")], "127.0.0.1", id="junk"),
        pytest.param([("x-real-ip", "junk")], "127.0.0.1", id="junk as real IP"),
        pytest.param([], "127.0.0.1", id="no header"),
    ],
)
def test_proxy_that_is_named_is_believed(
    headers: list[tuple[str, str]], expected: str
) -> None:
    assert str(find_client_address(PEER, headers, BEHIND)) == expected


def test_caller_that_is_no_proxy_is_not_believed() -> None:
    headers = (("x-real-ip", "1.2.3.4"), ("x-forwarded-for", "5.6.7.8"))

    assert encoded(BEHIND, *headers, peer="ipv4:192.0.2.1:5") == bytes([192, 0, 2, 1])


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        pytest.param("192.0.2.1", "192.0.2.2", False, id="IPv4 is exact"),
        pytest.param("192.0.2.1", "::ffff:192.0.2.1", True, id="mapped is IPv4"),
        pytest.param("2001:db8::1", "2001:db8::ffff:0:0:2", True, id="same network"),
        pytest.param("2001:db8::1", "2001:db8:0:1::1", False, id="next network"),
        pytest.param("fe80::1%eth0", "fe80::2%eth1", True, id="zones do not matter"),
    ],
)
def test_client_is_an_ipv4_address_or_a_prefix_of_ipv6(
    one: str, other: str, same: bool
) -> None:
    clients = [client_from_address(ipaddress.ip_address(a), 64) for a in (one, other)]

    assert (clients[0] == clients[1]) is same


@given(
    st.lists(st.tuples(st.sampled_from(["x-real-ip", "x-forwarded-for"]), st.text()))
)
def test_any_header_from_a_proxy_is_an_address_or_ignored(
    headers: list[tuple[str, str]],
) -> None:
    address = find_client_address(PEER, headers, BEHIND)

    assert address is not None
    assert len(encode_address(address)) in {4, 16} or "%" in str(address)
