import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubespan.drivers.discovery.cache import (
    DiscoveryCache,
    decode_cache,
    encode_cache,
)
from kubespan.errors import StateError
from kubespan.protocol.discovery_records import KeptRecord, SealedRecord
from tests.builders import CLUSTER_ID

RECORDS = (
    KeptRecord(SealedRecord("a", b"\x00sealed", (b"1" * 16, b"2" * 32))),
    KeptRecord(SealedRecord("é b", b"data"), 5),
)


def a_cache(folder: Path, service: str = "one", cluster: str = CLUSTER_ID):
    return DiscoveryCache(folder, service, cluster)


def test_what_was_saved_is_loaded(tmp_path: Path):
    a_cache(tmp_path).save(RECORDS, 1)

    assert a_cache(tmp_path).load() == RECORDS


def test_longest_missing_come_first_after_those_that_are_listed(tmp_path: Path):
    newest, oldest = (KeptRecord(SealedRecord("x", b"d"), since) for since in (9, 3))
    a_cache(tmp_path).save((newest, oldest, RECORDS[0]), 1)

    assert a_cache(tmp_path).load() == (RECORDS[0], oldest, newest)


def test_without_a_file_nothing_is_known(tmp_path: Path):
    assert a_cache(tmp_path).load() == ()


def test_file_is_readable_by_us_alone(tmp_path: Path):
    cache = a_cache(tmp_path)

    cache.save(RECORDS, 1)

    assert stat.S_IMODE(cache.path.stat().st_mode) == 0o600


def test_services_and_clusters_have_files_of_their_own(tmp_path: Path):
    paths = {
        a_cache(tmp_path, *names).path
        for names in (("one", "c"), ("two", "c"), ("one", "d"), ("../../x", "c"))
    }

    assert len(paths) == 4
    assert {path.parent for path in paths} == {tmp_path}


def test_late_save_of_older_content_does_nothing(tmp_path: Path):
    cache = a_cache(tmp_path)
    cache.save(RECORDS, 2)

    cache.save((), 1)

    assert cache.load() == RECORDS


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda raw: b"", id="empty"),
        pytest.param(lambda raw: raw[: len(raw) // 2], id="cut off"),
        pytest.param(lambda raw: raw[:-5] + b"X" + raw[-4:], id="a byte changed"),
        pytest.param(lambda raw: b"something else\n" * 3, id="foreign"),
        pytest.param(lambda raw: raw.replace(b"cache 1", b"cache 2"), id="newer"),
    ],
)
def test_damaged_file_is_refused_and_said_so(tmp_path: Path, damage):
    cache = a_cache(tmp_path)
    cache.path.write_bytes(damage(encode_cache(RECORDS)))

    with pytest.raises(StateError, match="damaged"):
        cache.load()


def test_file_that_is_too_large_is_refused(tmp_path: Path):
    cache = a_cache(tmp_path)
    with cache.path.open("wb") as file:
        file.truncate((32 << 20) + 1)

    with pytest.raises(StateError, match="longer than"):
        cache.load()


def test_disk_that_refuses_is_a_state_error(tmp_path: Path):
    with pytest.raises(StateError, match="cannot be written"):
        a_cache(tmp_path / "absent").save(RECORDS, 1)


SEALED = st.builds(
    SealedRecord,
    st.text(st.characters(codec="utf-8"), max_size=20),
    st.binary(max_size=60),
    st.lists(st.binary(max_size=32), max_size=4).map(tuple),
)


@given(st.lists(st.builds(KeptRecord, SEALED, st.integers(0, 2**62)), max_size=6))
def test_anything_kept_comes_back(records: list[KeptRecord]):
    assert decode_cache(encode_cache(records)) == records


@given(st.binary(max_size=200))
def test_bytes_from_anywhere_are_refused(raw: bytes):
    with pytest.raises(ValueError):
        decode_cache(raw)
