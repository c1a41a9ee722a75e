import pytest

from kubespan.protocol.redirect import FAILURES_MAX, HOPS_MAX, RedirectTrail, is_target

CONFIGURED = "one.example:443"


@pytest.mark.parametrize(
    "text", ["a.example:443", "10.0.0.1:1", "[2001:db8::1]:65535", "under_score:3000"]
)
def test_host_and_port_is_a_target(text: str):
    assert is_target(text)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="nothing"),
        pytest.param("a.example", id="no port"),
        pytest.param("a.example:0", id="port zero"),
        pytest.param("a.example:65536", id="port too large"),
        pytest.param("unix:/run/docker.sock", id="a socket"),
        pytest.param("dns:///a.example:443", id="a scheme"),
        pytest.param("https://a.example:443", id="a URL"),
        pytest.param("2001:db8::1:443", id="IPv6 without brackets"),
        pytest.param("[a.example]:443", id="a name in brackets"),
        pytest.param("a b:443", id="a space"),
        pytest.param("a\n:443", id="a line end"),
        pytest.param("a" * 300 + ":443", id="too long"),
        pytest.param("é.example:443", id="not ASCII"),
    ],
)
def test_anything_else_is_no_target(text: str):
    assert not is_target(text)


def test_redirect_holds_for_later_connections():
    trail = RedirectTrail(CONFIGURED)

    assert trail.follow("two.example:443") == ""

    trail.arrived()
    trail.failed()
    assert trail.endpoint == "two.example:443"


def test_redirects_in_a_circle_lead_back_to_the_configured_endpoint():
    trail = RedirectTrail(CONFIGURED)
    reasons = [trail.follow(f"{hop}.example:443") for hop in range(HOPS_MAX + 1)]

    assert reasons[:-1] == [""] * HOPS_MAX
    assert "more than 5 times" in reasons[-1]
    assert trail.endpoint == CONFIGURED


def test_place_that_stays_unreachable_is_left_again():
    trail = RedirectTrail(CONFIGURED)
    trail.follow("two.example:443")

    for _ in range(FAILURES_MAX):
        trail.failed()

    assert trail.endpoint == CONFIGURED
