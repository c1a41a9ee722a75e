import ipaddress
from collections.abc import Callable
from pathlib import Path

import pytest

from discovery.settings import values


@pytest.mark.parametrize(
    ("text", "seconds"), [("10ms", 0.01), ("1m", 60), ("1h0m0.5s", 3600.5)]
)
def test_interval_is_a_duration_of_10_ms_or_more(text: str, seconds: float) -> None:
    assert values.parse_interval(text) == seconds


@pytest.mark.parametrize("text", ["0", "9ms", "9999us"])
def test_shorter_interval_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="less than 10ms"):
        values.parse_interval(text)


@pytest.mark.parametrize("text", ["0", "0s", "0ms"])
def test_duration_of_nothing_is_zero(text: str) -> None:
    assert values.parse_duration(text) == 0


@pytest.mark.parametrize("text", ["1h" * 50, "9" * 100_000, "٣s", "1S", "+1s"])
def test_text_that_only_looks_like_a_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a duration"):
        values.parse_duration(text)


@pytest.mark.parametrize("text", ["87661h", "9" * 60 + "h"])
def test_duration_that_no_timer_can_wait_for_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="more than ten years"):
        values.parse_duration(text)


@pytest.mark.parametrize(
    "text", [":3000", "0.0.0.0:0", "[::1]:65535", "localhost:80", "[::]:1"]
)
def test_address_to_listen_on_is_kept_as_written(text: str) -> None:
    assert values.parse_listen_address(text) == text


@pytest.mark.parametrize(
    "text", ["", "3000", "::1:3000", "host:", "host:http", ":-1", ":65536", "a:１"]
)
def test_other_addresses_are_refused(text: str) -> None:
    with pytest.raises(ValueError):
        values.parse_listen_address(text)


def test_page_address_may_be_switched_off_and_the_apis_not() -> None:
    assert values.parse_optional_listen_address("") == ""
    with pytest.raises(ValueError, match="not host:port"):
        values.parse_listen_address("")


@pytest.mark.parametrize(("text", "expected"), [("", ""), ("a.b:443", "a.b:443")])
def test_endpoint_of_another_service_names_a_host_or_is_nothing(
    text: str, expected: str
) -> None:
    assert values.parse_endpoint(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("a:1", ("a:1",), id="one"),
        pytest.param("a:1, b:2,[::1]:3", ("a:1", "b:2", "[::1]:3"), id="three"),
        pytest.param("http://a:1/", ("a:1",), id="as etcdctl has it"),
    ],
)
def test_endpoints_are_separated_by_commas(
    text: str, expected: tuple[str, ...]
) -> None:
    assert values.parse_endpoints(text) == expected


@pytest.mark.parametrize("text", ["", "a:1,", "https://a:1", "a", ":1"])
def test_other_endpoints_are_refused(text: str) -> None:
    with pytest.raises(ValueError):
        values.parse_endpoints(text)


def test_networks_are_prefixes_or_hosts() -> None:
    networks = values.parse_networks("10.0.0.0/8, 192.0.2.1,2001:db8::/32")

    assert networks == tuple(
        map(ipaddress.ip_network, ["10.0.0.0/8", "192.0.2.1/32", "2001:db8::/32"])
    )
    assert values.parse_networks("") == ()


@pytest.mark.parametrize("text", ["10.0.0.1/8", "all", "10.0.0.0/33", ","])
def test_other_networks_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a list of networks"):
        values.parse_networks(text)


def test_path_of_nothing_is_none() -> None:
    assert (values.parse_path(""), values.parse_path("/a")) == (None, Path("/a"))


@pytest.mark.parametrize(
    ("parse", "least", "most"),
    [
        (values.parse_burst, 1, 1_000_000),
        (values.parse_count, 1, 1_000_000_000),
        (values.parse_prefix_bits, 16, 128),
    ],
)
def test_whole_numbers_have_bounds(
    parse: Callable[[str], int], least: int, most: int
) -> None:
    assert (parse(str(least)), parse(str(most))) == (least, most)
    for text in (str(least - 1), str(most + 1), "", "1.5", "٣", "9" * 10_000, "-1"):
        with pytest.raises(ValueError, match=f"from {least} to {most}"):
            parse(text)


@pytest.mark.parametrize(("text", "rate"), [("0", 0), ("15", 15), ("0.5", 0.5)])
def test_rate_may_be_a_fraction_or_nothing(text: str, rate: float) -> None:
    assert values.parse_rate(text) == rate


@pytest.mark.parametrize("text", ["", "-1", "1e9", "inf", "nan", "1000001", ".5"])
def test_other_rates_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a number"):
        values.parse_rate(text)


@pytest.mark.parametrize(
    ("text", "truth"), [("true", True), ("F", False), ("0", False)]
)
def test_truths_are_those_of_go(text: str, truth: bool) -> None:
    assert values.parse_truth(text) is truth


@pytest.mark.parametrize("text", ["", "yes", "on", "2"])
def test_other_truths_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="neither true nor false"):
        values.parse_truth(text)
