import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubespan.protocol.discovery_batch import Batch, build_batch
from kubespan.protocol.discovery_records import Update

OWN = Update("me", b"sealed", (b"e" * 16,))


def test_own_record_comes_first_and_the_others_as_given():
    batch = build_batch(OWN, {"z": [b"1" * 16], "b": [b"2" * 32]})

    assert batch == Batch(
        (
            OWN,
            Update("z", endpoints=(b"1" * 16,)),
            Update("b", endpoints=(b"2" * 32,)),
        )
    )


@pytest.mark.checklist(35)
@pytest.mark.parametrize(
    ("own", "said"),
    [
        pytest.param(Update("me", bytes(2049)), "2049 bytes sealed", id="too large"),
        pytest.param(Update("x" * 257, b"d"), "257 bytes", id="ID too long"),
        pytest.param(Update("é" * 129, b"d"), "258 bytes", id="ID too long in bytes"),
        pytest.param(Update("", b"d"), "0 bytes", id="no ID"),
    ],
)
def test_record_that_services_refuse_is_not_pushed_but_reported(own: Update, said: str):
    batch = build_batch(own, {"b": [b"2" * 16]})

    assert batch.updates == ()
    assert said in batch.problems[0]


def test_largest_record_is_pushed():
    own = Update("é" * 128, bytes(2048), tuple(bytes([n]) * 32 for n in range(64)))

    assert build_batch(own, {}) == Batch((own,))


@pytest.mark.checklist(21, 35)
def test_empty_long_repeated_and_excess_endpoints_are_left_out():
    many = tuple(bytes([n]) * 16 for n in range(65))
    own = Update("me", b"d", (b"", bytes(33), many[0], *many))

    batch = build_batch(own, {"b": [b""], "me": [b"1" * 16]})

    assert batch.updates == (Update("me", b"d", many[:64]),)
    assert len(batch.problems) == 2


@given(
    st.text(max_size=300),
    st.binary(max_size=2200),
    st.lists(st.binary(max_size=40), max_size=80),
    st.dictionaries(st.text(max_size=300), st.lists(st.binary(max_size=40))),
)
def test_whatever_is_pushed_is_within_the_limits(
    node_id: str, data: bytes, own: list[bytes], others: dict[str, list[bytes]]
):
    batch = build_batch(Update(node_id, data, tuple(own)), others)

    for update in batch.updates:
        assert 1 <= len(update.affiliate_id.encode()) <= 256
        assert len(update.data) <= 2048
        assert len(update.endpoints) <= 64
        assert all(1 <= len(blob) <= 32 for blob in update.endpoints)
