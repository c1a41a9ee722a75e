from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubespan.model.endpoint import Endpoint


@pytest.mark.parametrize(
    "text", ["192.0.2.1:51820", "[2001:db8::1]:51820", "[fe80::1%eth0]:1", "0.0.0.0:0"]
)
def test_endpoint_survives_text(text: str):
    assert str(Endpoint.from_text(text)) == text


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="empty"),
        pytest.param("192.0.2.1", id="no port"),
        pytest.param("192.0.2.1:", id="empty port"),
        pytest.param("192.0.2.1:65536", id="port too large"),
        pytest.param("192.0.2.1:-1", id="negative port"),
        pytest.param("192.0.2.1:٣", id="digits of another script"),
        pytest.param("192.0.2.1:" + "9" * 5000, id="huge port"),
        pytest.param("node-1:51820", id="host name"),
        pytest.param("2001:db8::1:51820", id="IPv6 without brackets"),
        pytest.param("[192.0.2.1]:51820", id="IPv4 in brackets"),
    ],
)
def test_text_that_is_no_endpoint_is_refused(text: str):
    with pytest.raises(ValueError, match=r"endpoint|address"):
        Endpoint.from_text(text)


@given(st.text(max_size=60))
def test_any_text_is_an_endpoint_or_a_value_error(text: str):
    try:
        endpoint = Endpoint.from_text(text)
    except ValueError:
        return
    assert Endpoint.from_text(str(endpoint)) == endpoint


@given(st.ip_addresses(), st.integers(0, 65535))
def test_every_endpoint_survives_text(ip, port: int):
    endpoint = Endpoint(ip, port)

    assert Endpoint.from_text(str(endpoint)) == endpoint


def test_mapped_address_is_unmapped_and_others_stay():
    mapped = Endpoint(ip_address("::ffff:192.0.2.1"), 1)
    plain = Endpoint(ip_address("2001:db8::1"), 1)

    assert str(mapped.unmapped) == "192.0.2.1:1"
    assert plain.unmapped is plain


def test_port_out_of_range_is_refused():
    with pytest.raises(ValueError, match="65536"):
        Endpoint(ip_address("192.0.2.1"), 65536)
