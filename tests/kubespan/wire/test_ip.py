from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubespan.errors import WireError
from kubespan.wire.ip import decode_ip, encode_ip


@pytest.mark.parametrize(
    ("text", "raw"),
    [
        pytest.param("10.0.0.2", "0a000002", id="IPv4"),
        pytest.param("2001:db8::1", "20010db8" + "00" * 11 + "01", id="IPv6"),
        pytest.param(
            "::ffff:1.2.3.4", "00" * 10 + "ffff01020304", id="IPv4-mapped stays 16"
        ),
        pytest.param(
            "fe80::1%eth0", "fe80" + "00" * 13 + "01" + b"eth0".hex(), id="zone"
        ),
        pytest.param("::", "00" * 16, id="unspecified"),
    ],
)
def test_binary_form_follows_the_specification(text: str, raw: str) -> None:
    ip = ip_address(text)

    assert encode_ip(ip).hex() == raw
    assert decode_ip(bytes.fromhex(raw)) == ip


def test_unset_is_zero_bytes() -> None:
    assert encode_ip(None) == b""
    assert decode_ip(b"") is None


@pytest.mark.parametrize("count", [1, 2, 3, *range(5, 16)])
def test_other_lengths_are_refused(count: int) -> None:
    with pytest.raises(WireError, match=f"{count} bytes"):
        decode_ip(bytes(count))


@pytest.mark.parametrize("zone", [b"\xff", b"a%b", b"\n", b"\0", b"x" * 65])
def test_a_zone_that_is_no_link_name_is_refused(zone: bytes) -> None:
    with pytest.raises(WireError, match="zone"):
        decode_ip(bytes(16) + zone)


@given(st.binary(max_size=100))
def test_any_bytes_are_an_address_or_refused(raw: bytes) -> None:
    try:
        ip = decode_ip(raw)
    except WireError:
        return

    assert ip is None or isinstance(ip, IPv4Address | IPv6Address)
    assert encode_ip(ip) == raw
