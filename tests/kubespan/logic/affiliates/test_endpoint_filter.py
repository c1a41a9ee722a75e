import pytest

from kubespan.logic.affiliates.endpoint_filter import FilterEntry, filter_by_ip
from tests.builders import ips

GIVEN = ips("172.20.0.2", "10.5.0.1", "192.168.192.168", "2001:123:4567::1")


def filtered(*entries: str) -> tuple[str, ...]:
    return tuple(map(str, filter_by_ip(GIVEN, entries, lambda ip: ip)))


@pytest.mark.checklist(12)
@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        # kubespan.md 2.4, the consequences of the rule
        pytest.param(("!10.0.0.0/8",), (), id="only negative entries let nothing by"),
        pytest.param((), (), id="an empty filter lets nothing by"),
        pytest.param(
            ("!192.168.0.0/16", "0.0.0.0/0"),
            ("172.20.0.2", "10.5.0.1", "192.168.192.168"),
            id="a no before a wider yes has no effect",
        ),
        pytest.param(
            ("0.0.0.0/0", "!192.168.0.0/16", "2001::/16"),
            ("172.20.0.2", "10.5.0.1", "2001:123:4567::1"),
            id="upstream vector",
        ),
        pytest.param(
            ("2001::/16", "10.0.0.0/8", "0.0.0.0/0"),
            ("2001:123:4567::1", "10.5.0.1", "172.20.0.2", "192.168.192.168"),
            id="order of the filter, then of the addresses",
        ),
        pytest.param(("10.5.0.1",), ("10.5.0.1",), id="a bare address"),
        pytest.param(("::/0",), ("2001:123:4567::1",), id="families do not mix"),
    ],
)
def test_entries_take_and_take_away_in_order(entries, expected):
    assert filtered(*entries) == expected


def test_what_is_given_twice_is_returned_once():
    assert filter_by_ip(ips("10.0.0.1", "10.0.0.1"), ["0.0.0.0/0"], lambda ip: ip) == (
        ips("10.0.0.1")
    )


@pytest.mark.parametrize("text", ["", "!", "!!10.0.0.0/8", "here", "10.0.0.0/33"])
def test_an_entry_that_is_no_network_is_refused(text):
    with pytest.raises(ValueError):
        FilterEntry.from_text(text)
