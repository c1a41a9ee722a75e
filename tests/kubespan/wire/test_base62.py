import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kubespan.errors import WireError
from kubespan.wire.base62 import ALPHABET, base62_from_bytes, bytes_from_base62
from tests.vectors.kubespan_spec import BASE62


@pytest.mark.checklist(1, 2)
@pytest.mark.parametrize(("text", "raw"), BASE62.items(), ids=lambda v: v[:12])
def test_vectors_hold_both_ways(text: str, raw: str) -> None:
    assert base62_from_bytes(bytes.fromhex(raw)) == text
    assert bytes_from_base62(text).hex() == raw


@pytest.mark.checklist(2)
@settings(max_examples=10_000, deadline=None)
@given(st.binary(min_size=32, max_size=32))
def test_every_identity_round_trips(raw: bytes) -> None:
    assert bytes_from_base62(base62_from_bytes(raw)) == raw


@given(st.binary(max_size=70))
def test_other_lengths_round_trip_too(raw: bytes) -> None:
    assert bytes_from_base62(base62_from_bytes(raw)) == raw


@given(st.text(ALPHABET, max_size=80))
def test_any_text_of_the_alphabet_decodes(text: str) -> None:
    assert len(bytes_from_base62(text)) <= len(text)


def test_nothing_is_nothing() -> None:
    assert base62_from_bytes(b"") == ""
    assert bytes_from_base62("") == b""


@pytest.mark.parametrize("text", ["abc-", "ä", "a b", "A" * 1025])
def test_what_is_no_base62_is_refused(text: str) -> None:
    with pytest.raises(WireError, match="base62"):
        bytes_from_base62(text)
