import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubespan.drivers.discovery.proxy import choose_proxy
from kubespan.errors import DriverError

PROXY = "http://proxy.example:3128"
ENDPOINT = "discovery.example:443"


def test_without_a_proxy_it_connects_directly():
    assert choose_proxy(ENDPOINT, {}, plaintext=False) is None


@pytest.mark.parametrize(
    ("variable", "plaintext", "expected"),
    [
        pytest.param("https_proxy", False, PROXY, id="TLS, https_proxy"),
        pytest.param("HTTPS_PROXY", False, PROXY, id="TLS, upper case"),
        pytest.param("http_proxy", False, None, id="TLS, http_proxy"),
        pytest.param("http_proxy", True, PROXY, id="plaintext, http_proxy"),
        pytest.param("https_proxy", True, None, id="plaintext, https_proxy"),
        pytest.param("all_proxy", False, PROXY, id="TLS, all_proxy"),
        pytest.param("ALL_PROXY", True, PROXY, id="plaintext, all_proxy"),
        pytest.param("grpc_proxy", True, PROXY, id="plaintext, grpc_proxy"),
    ],
)
def test_variable_counts_for_its_kind_of_connection(
    variable: str, plaintext: bool, expected: str | None
):
    assert choose_proxy(ENDPOINT, {variable: PROXY}, plaintext=plaintext) == expected


def test_proxy_without_a_scheme_is_an_http_proxy():
    environment = {"https_proxy": "proxy.example:3128"}

    assert choose_proxy(ENDPOINT, environment, plaintext=False) == PROXY


@pytest.mark.parametrize(
    "url", ["socks5://proxy.example:1080", "socks5h://p:1", "https://proxy.example"]
)
def test_other_kinds_of_proxies_are_refused_with_a_hint(url: str):
    with pytest.raises(DriverError, match=r"not supported; set https_proxy") as caught:
        choose_proxy(ENDPOINT, {"all_proxy": url}, plaintext=False)

    assert "proxy.example" not in str(caught.value)


@pytest.mark.parametrize(
    ("endpoint", "no_proxy"),
    [
        pytest.param(ENDPOINT, "*", id="everything"),
        pytest.param(ENDPOINT, "discovery.example", id="the host"),
        pytest.param(ENDPOINT, "a, .example ,b", id="its domain"),
        pytest.param(ENDPOINT, "*.example", id="its domain with a star"),
        pytest.param(ENDPOINT, "discovery.example:443", id="host and port"),
        pytest.param("10.1.2.3:443", "10.0.0.0/8", id="its network"),
        pytest.param("10.1.2.3:443", "10.1.2.3", id="the address"),
        pytest.param("10.1.2.3:443", "10.1.2.3:443", id="address and port"),
        pytest.param("[2001:db8::1]:443", "2001:db8::/32", id="its IPv6 network"),
        pytest.param("127.0.0.1:3000", "", id="loopback"),
        pytest.param("[::1]:3000", "", id="IPv6 loopback"),
        pytest.param("localhost:3000", "", id="localhost"),
    ],
)
def test_exempt_hosts_are_connected_directly(endpoint: str, no_proxy: str):
    environment = {"https_proxy": PROXY, "NO_PROXY": no_proxy}

    assert choose_proxy(endpoint, environment, plaintext=False) is None


@pytest.mark.parametrize(
    "no_proxy",
    ["", ",,", "other.example", "xdiscovery.example", "discovery.example:80", "10/8"],
)
def test_other_hosts_go_through_the_proxy(no_proxy: str):
    environment = {"https_proxy": PROXY, "no_proxy": no_proxy}

    assert choose_proxy(ENDPOINT, environment, plaintext=False) == PROXY


@given(st.text(max_size=30), st.text(max_size=60))
def test_no_variable_can_break_it(proxy: str, no_proxy: str):
    environment = {"https_proxy": proxy, "no_proxy": no_proxy}
    try:
        chosen = choose_proxy(ENDPOINT, environment, plaintext=False)
    except DriverError:
        return

    assert chosen is None or chosen.startswith(("http://", "HTTP://", "Http"))
