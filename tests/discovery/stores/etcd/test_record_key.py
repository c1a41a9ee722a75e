import pytest
from hypothesis import given
from hypothesis import strategies as st

from discovery.stores.etcd.record_key import (
    RecordKey,
    etcd_key_from_record_key,
    prefix_of_records,
    record_key_from_etcd_key,
)

PREFIX = prefix_of_records("/d/")
ids = st.text(st.characters(codec="utf-8"), min_size=1, max_size=256).filter(
    lambda text: len(text.encode()) <= 256
)


def test_prefix_names_the_version_of_the_format() -> None:
    assert prefix_of_records("/d/") == b"/d/v1/"
    assert prefix_of_records("") == b"v1/"


def test_plain_ids_stay_readable() -> None:
    key = RecordKey("abc_-.~1", "Node")

    assert etcd_key_from_record_key(PREFIX, key) == b"/d/v1/abc_-.~1/Node"


def test_every_other_byte_is_escaped() -> None:
    key = RecordKey("a/b=", "ü%2F")

    raw = etcd_key_from_record_key(PREFIX, key)

    assert raw == b"/d/v1/a%2Fb%3D/%C3%BC%252F"
    assert record_key_from_etcd_key(PREFIX, raw) == key


@given(ids, ids)
def test_every_record_has_a_key_of_its_own(cluster_id: str, affiliate_id: str) -> None:
    key = RecordKey(cluster_id, affiliate_id)

    raw = etcd_key_from_record_key(PREFIX, key)

    assert raw.startswith(PREFIX)
    assert record_key_from_etcd_key(PREFIX, raw) == key


@pytest.mark.parametrize(
    "rest",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"c", id="no affiliate"),
        pytest.param(b"c/", id="empty affiliate"),
        pytest.param(b"/a", id="empty cluster"),
        pytest.param(b"c/a/b", id="too many parts"),
        pytest.param(b"c/a%2f", id="lower case digits"),
        pytest.param(b"c/%61", id="escaped without need"),
        pytest.param(b"c/a b", id="not escaped"),
        pytest.param(b"c/%FF", id="no UTF-8"),
        pytest.param(b"c/\xff", id="no ASCII"),
        pytest.param(b"c/%", id="half an escape"),
        pytest.param(b"c/" + b"a" * 257, id="too long"),
    ],
)
def test_key_we_would_not_write_is_of_no_record(rest: bytes) -> None:
    assert record_key_from_etcd_key(PREFIX, PREFIX + rest) is None


@given(st.binary(max_size=60))
def test_any_key_is_of_one_record_or_of_none(rest: bytes) -> None:
    key = record_key_from_etcd_key(PREFIX, PREFIX + rest)

    assert key is None or etcd_key_from_record_key(PREFIX, key) == PREFIX + rest
