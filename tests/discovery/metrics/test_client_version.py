import pytest
from hypothesis import given
from hypothesis import strategies as st

from discovery.metrics.client_version import UNKNOWN, label_from_version


# discovery.md 3.3, its table
@pytest.mark.parametrize(
    ("client_version", "label"),
    [
        ("", "unknown"),
        ("unknown", "unknown"),
        ("v0.13.0", "v0.13"),
        ("v0.13.0-beta.0", "v0.13-pre"),
        ("v0.14.0-alpha.0-7-gf7d9f211", "v0.14-pre"),
        ("v0.14.0-alpha.0-7-gf7d9f211-dirty", "v0.14-pre"),
        ("v1.8.3", "v1.8"),
        ("v1.8.3-7-gf7d9f211", "v1.8-pre"),
        ("v1.8.0-beta.1", "v1.8-pre"),
        ("v1.2", "unknown"),
        ("v12.345.6", "v12.345"),
        ("v123.1.1", "unknown"),
        ("1.2.3", "unknown"),
    ],
)
def test_version_is_counted_by_its_minor_release(
    client_version: str, label: str
) -> None:
    assert label_from_version(client_version) == label


@pytest.mark.parametrize(
    "client_version",
    ["v.1.2", "v1..", "va.b.c", "v1.x.3", "v1\n.2.3", "v１.２.3", "v-1.2.3"],
    ids=repr,
)
def test_what_is_no_number_makes_no_label(client_version: str) -> None:
    assert label_from_version(client_version) == UNKNOWN


@given(st.text() | st.from_regex(r"v\d{1,3}\.\d{1,4}\.\S*", fullmatch=True))
def test_label_of_any_text_is_short_and_plain(client_version: str) -> None:
    label = label_from_version(client_version)

    assert len(label) <= len("v12.345-pre")
    assert label.isascii()
    assert label.isprintable()
