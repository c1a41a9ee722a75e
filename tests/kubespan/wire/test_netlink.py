import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubespan.errors import WireError
from kubespan.wire.netlink import (
    ACK,
    DONE,
    DUMP_INTERRUPTED,
    ERROR,
    REQUEST,
    NetlinkMessage,
    encode_attribute,
    encode_family_question,
    encode_generic,
    encode_message,
    encode_nest,
    parse_attributes,
    parse_family_answer,
    parse_generic,
    parse_refusal,
    split_messages,
)

CAPPED, HAS_TEXT = 0x100, 0x200


@given(st.lists(st.tuples(st.integers(1, 0x3FFF), st.binary(max_size=40))))
def test_attributes_are_read_as_written(attributes: list[tuple[int, bytes]]):
    data = b"".join(encode_attribute(kind, payload) for kind, payload in attributes)

    assert len(data) % 4 == 0
    assert list(parse_attributes(data)) == attributes


def test_nest_is_marked_and_read_without_its_mark():
    nest = encode_nest(8, encode_attribute(1, b"x"))

    assert nest[2:4] == struct.pack("=H", 0x8008)
    assert list(parse_attributes(nest)) == [(8, encode_attribute(1, b"x"))]


def test_messages_of_one_datagram_are_split():
    first = encode_message(20, REQUEST | ACK, 7, b"abcd")
    second = encode_message(DONE, DUMP_INTERRUPTED, 7, b"")

    assert split_messages(first + second) == [
        NetlinkMessage(20, REQUEST | ACK, 7, b"abcd"),
        NetlinkMessage(DONE, DUMP_INTERRUPTED, 7, b""),
    ]


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"\0" * 15, id="header cut off"),
        pytest.param(struct.pack("=IHHII", 15, 2, 0, 0, 0), id="shorter than itself"),
        pytest.param(struct.pack("=IHHII", 17, 2, 0, 0, 0), id="longer than there is"),
    ],
)
def test_datagram_without_meaning_is_refused(data: bytes):
    with pytest.raises(WireError, match="netlink"):
        split_messages(data)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"\0\0\0", id="header cut off"),
        pytest.param(struct.pack("=HH", 3, 1), id="shorter than itself"),
        pytest.param(struct.pack("=HH", 5, 1), id="longer than there is"),
    ],
)
def test_attribute_without_meaning_is_refused(data: bytes):
    with pytest.raises(WireError, match="netlink"):
        list(parse_attributes(data))


@given(st.binary(max_size=80))
def test_any_bytes_are_read_or_refused(data: bytes):
    for parse in (split_messages, lambda raw: list(parse_attributes(raw))):
        try:
            parse(data)
        except WireError:
            continue


def _error(flags: int, payload: bytes, kind: int = ERROR) -> NetlinkMessage:
    return NetlinkMessage(kind, flags, 1, payload)


REQUEST_HEADER = struct.pack("=IHHII", 20, 20, 0, 1, 0)
TEXT = encode_attribute(1, b"not like this\0")


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        pytest.param(_error(0, struct.pack("=i", 0)), (0, ""), id="success"),
        pytest.param(_error(0, struct.pack("=i", -22)), (22, ""), id="errno alone"),
        pytest.param(_error(0, b"", DONE), (0, ""), id="end of a dump, empty"),
        pytest.param(
            _error(CAPPED | HAS_TEXT, struct.pack("=i", -22) + REQUEST_HEADER + TEXT),
            (22, "not like this"),
            id="words behind the request's header",
        ),
        pytest.param(
            _error(HAS_TEXT, struct.pack("=i", -22) + REQUEST_HEADER + b"body" + TEXT),
            (22, "not like this"),
            id="words behind the whole request",
        ),
        pytest.param(
            _error(HAS_TEXT, struct.pack("=i", -95) + TEXT, DONE),
            (95, "not like this"),
            id="words at the end of a dump",
        ),
    ],
)
def test_refusal_is_read_with_its_words(
    message: NetlinkMessage, expected: tuple[int, str]
):
    assert parse_refusal(message) == expected


@given(st.sampled_from([ERROR, DONE]), st.integers(0, 0xFFFF), st.binary(max_size=60))
def test_any_refusal_is_read_or_refused(kind: int, flags: int, payload: bytes):
    try:
        parse_refusal(_error(flags, payload, kind))
    except WireError:
        return


def test_generic_header_is_command_and_version_one():
    payload = encode_generic(3, b"abcd")

    assert payload == b"\x03\x01\0\0abcd"
    assert parse_generic(payload) == b"abcd"


def test_generic_header_cut_off_is_refused():
    with pytest.raises(WireError, match="cut off"):
        parse_generic(b"\1")


def test_family_is_asked_for_by_name():
    expected = encode_generic(3, encode_attribute(2, b"wireguard\0"))

    assert encode_family_question("wireguard") == expected


def test_family_number_is_read_among_other_attributes():
    answer = encode_attribute(2, b"nlctrl\0") + encode_attribute(1, b"\x10\0")

    assert (
        parse_family_answer(encode_generic(1, answer))
        == struct.unpack("=H", b"\x10\0")[0]
    )


def test_answer_without_family_number_is_refused():
    with pytest.raises(WireError, match="family number"):
        parse_family_answer(encode_generic(1, b""))
