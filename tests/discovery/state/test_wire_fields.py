import pytest
from hypothesis import given
from hypothesis import strategies as st

from discovery.api import storage_pb2 as pb
from discovery.state.wire_fields import (
    LENGTH_DELIMITED,
    VARINT,
    WireFault,
    encode_varint,
    split_fields,
)


def test_fields_are_split_one_level_deep() -> None:
    message = pb.ClusterSnapshot(id="c", affiliates=[pb.AffiliateSnapshot(id="a")])

    fields = list(split_fields(message.SerializeToString()))

    assert [(f.number, f.wire_type, f.content) for f in fields] == [
        (1, LENGTH_DELIMITED, b"c"),
        (2, LENGTH_DELIMITED, b"\x0a\x01a"),
    ]
    assert [f.offset for f in fields] == [2, 5]


def test_numbers_are_skipped_whatever_their_width() -> None:
    message = b"\x08\x96\x01" + b"\x11" + bytes(8) + b"\x1d" + bytes(4) + b"\x22\x00"

    fields = list(split_fields(message))

    assert [f.number for f in fields] == [1, 2, 3, 4]
    assert fields[0].wire_type == VARINT


@pytest.mark.parametrize(
    ("message", "offset", "reason"),
    [
        pytest.param(b"\x0a", 1, "does not end", id="ends after a tag"),
        pytest.param(b"\x0a\x05abc", 1, "field 1 is cut short", id="cut short"),
        pytest.param(b"\x0a\x00\x0b", 2, "wire type 3", id="a group"),
        pytest.param(b"\x02\x00", 0, "without number", id="number zero"),
        pytest.param(b"\xff" * 11, 0, "does not end", id="endless number"),
        pytest.param(b"\x09abc", 1, "field 1 is cut short", id="short fixed64"),
    ],
)
def test_what_is_no_message_is_told_with_its_place(
    message: bytes, offset: int, reason: str
) -> None:
    with pytest.raises(WireFault, match=reason) as caught:
        list(split_fields(message))

    assert caught.value.offset == offset


@given(st.integers(min_value=0, max_value=2**64 - 1))
def test_varint_is_what_protobuf_reads(value: int) -> None:
    field = b"\x08" + encode_varint(value)

    (found,) = split_fields(field)

    assert found.number == 1
    assert len(encode_varint(value)) <= 10


@given(st.binary(max_size=200))
def test_any_bytes_are_split_or_refused(message: bytes) -> None:
    try:
        fields = list(split_fields(message))
    except WireFault as fault:
        assert 0 <= fault.offset <= len(message)  # noqa: PT017 - or none at all
    else:
        assert sum(len(f.content) for f in fields) <= len(message)
