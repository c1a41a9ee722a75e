import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubespan.config.service_url import parse_service_url


@pytest.mark.checklist(33)
@pytest.mark.parametrize(
    ("url", "endpoint", "plaintext"),
    [
        # kubespan.md 6.5, upstream
        ("https://discovery.example.com", "discovery.example.com:443", False),
        ("http://discovery.example.com", "discovery.example.com:80", True),
        ("https://192.168.1.1:6443", "192.168.1.1:6443", False),
        ("https://[::1]:6443", "[::1]:6443", False),
        ("http://[::1]", "[::1]:80", True),
        (
            "https://discovery.example.com/path?query=1",
            "discovery.example.com:443",
            False,
        ),
        # kubespan.md 3.5
        ("grpc://discovery.example.org:6443", "discovery.example.org:6443", False),
        ("grpc://discovery.example.org", "discovery.example.org:443", False),
        ("HTTPS://Discovery.Example.COM", "discovery.example.com:443", False),
    ],
)
def test_url_becomes_host_and_port(url: str, endpoint: str, plaintext: bool):
    address = parse_service_url(url)

    assert (address.endpoint, address.plaintext) == (endpoint, plaintext)


def test_path_is_handed_out_for_those_who_refuse_one():
    assert parse_service_url("https://example.com/a").path == "/a"


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("", "endpoint is required"),
        ("discovery.example.com", "endpoint scheme is required"),
        ("://example.com", "endpoint scheme is required"),
        ("ftp://example.com", "endpoint scheme must be http://, https:// or grpc://"),
        ("https://", "endpoint host is required"),
        ("https:///path", "endpoint host is required"),
        ("https://:6443", "endpoint host is required"),
        ("https://example.com:0", "endpoint port must be within 1..65535"),
        ("https://example.com:65536", "endpoint is not a URL"),
        ("https://example.com:x", "endpoint is not a URL"),
        ("https://[::1", "endpoint is not a URL"),
        ("https://[::1%25eth0]", "endpoint host must not name an interface"),
        ("https://[::g]", "endpoint is not a URL"),
        ("https://a:b:c", "endpoint is not a URL"),
        ("https://exa mple.com", "endpoint is not a URL"),
        ("https://exämple.com", "endpoint host is not a host name"),
        ("https://user:word@example.com", "must not hold a user name or password"),
        ("https://" + "a" * 3000, "endpoint is not a URL"),
        ("https://a\nb", "endpoint is not a URL"),
    ],
)
def test_what_is_no_service_url_is_refused(url: str, reason: str):
    with pytest.raises(ValueError, match=r".") as caught:
        parse_service_url(url)

    assert reason in str(caught.value)


@given(st.text(max_size=40))
def test_any_text_gives_an_address_or_a_value_error(text: str):
    try:
        address = parse_service_url(f"https://{text}")
    except ValueError:
        return

    assert address.endpoint.rpartition(":")[2].isdigit()
