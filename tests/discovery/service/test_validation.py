import contextlib

import pytest
from google.protobuf.duration_pb2 import Duration
from hypothesis import given
from hypothesis import strategies as st

from discovery.api import cluster_pb2 as pb
from discovery.service.refusal import (
    Exhausted,
    InvalidRequest,
    Refusal,
    UnreadableRequest,
)
from discovery.service.validation import (
    decode_request,
    submission_from_request,
    validate_affiliate_id,
    validate_cluster_id,
)
from tests.discovery.running import an_update

TTL_MAX = Duration(seconds=1800)


@pytest.mark.parametrize("validate", [validate_cluster_id, validate_affiliate_id])
@pytest.mark.parametrize(
    "value",
    [
        pytest.param("x", id="one byte"),
        pytest.param("A" * 256, id="256 bytes"),
        pytest.param("é" * 128, id="128 characters of two bytes"),
        pytest.param("a b/c\n", id="any character"),
    ],
)
def test_ids_of_1_to_256_bytes_pass(validate, value: str) -> None:
    validate(value)


@pytest.mark.parametrize("validate", [validate_cluster_id, validate_affiliate_id])
@pytest.mark.parametrize(
    "value",
    [
        pytest.param("", id="empty"),
        pytest.param("A" * 257, id="257 bytes"),
        pytest.param("é" * 129, id="129 characters of two bytes"),
    ],
)
def test_other_ids_are_refused(validate, value: str) -> None:
    with pytest.raises(InvalidRequest):
        validate(value)


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({"affiliate_data": bytes(2048)}, id="longest data"),
        pytest.param({"affiliate_data": b""}, id="data present but empty"),
        pytest.param({"affiliate_endpoints": [bytes(32)]}, id="longest endpoint"),
        pytest.param({"ttl": TTL_MAX}, id="longest life"),
        pytest.param({"ttl": Duration()}, id="no life"),
        pytest.param({"ttl": Duration(seconds=-1)}, id="negative life"),
        pytest.param({"ttl": Duration(seconds=-(2**63))}, id="extreme negative life"),
    ],
)
def test_updates_within_the_limits_pass(fields: dict[str, object]) -> None:
    submission_from_request(an_update(**fields))


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        pytest.param({"cluster_id": ""}, "cluster ID", id="no cluster"),
        pytest.param({"cluster_id": "A" * 257}, "cluster ID", id="long cluster"),
        pytest.param({"affiliate_id": ""}, "affiliate ID", id="no affiliate"),
        pytest.param({"affiliate_id": "A" * 257}, "affiliate ID", id="long affiliate"),
        pytest.param({"affiliate_data": bytes(2049)}, "data", id="long data"),
        pytest.param({"affiliate_endpoints": [bytes(33)]}, "endpoint", id="long"),
        pytest.param({"affiliate_endpoints": [b"e", b""]}, "endpoint", id="empty"),
        pytest.param({"ttl": Duration(seconds=1800, nanos=1)}, "TTL", id="1 ns more"),
        pytest.param({"ttl": Duration(seconds=2**62)}, "TTL", id="extreme life"),
        pytest.param({"ttl": Duration(seconds=2**63 - 1)}, "TTL", id="longest life"),
    ],
)
def test_updates_beyond_a_limit_are_refused(
    fields: dict[str, object], reason: str
) -> None:
    with pytest.raises(InvalidRequest, match=reason):
        submission_from_request(an_update(**fields))


def test_first_broken_rule_is_the_reason() -> None:
    # Source: discovery.md 2.1, order of validation.
    fields: dict[str, object] = {
        "cluster_id": "",
        "affiliate_id": "",
        "affiliate_data": bytes(2049),
        "affiliate_endpoints": [bytes(33)],
        "ttl": Duration(seconds=1801),
    }
    reasons = []

    for name in list(fields):
        with pytest.raises(InvalidRequest) as caught:
            submission_from_request(an_update(**fields))
        reasons.append(str(caught.value).split()[0])
        del fields[name]

    assert reasons == ["cluster", "affiliate", "affiliate", "an", "TTL"]


def test_list_of_repetitions_is_bounded() -> None:
    repeated = an_update(affiliate_endpoints=[b"e"] * 1024)
    too_often = an_update(affiliate_endpoints=[b"e"] * 1025)

    assert submission_from_request(repeated).endpoints == (b"e",)
    with pytest.raises(Exhausted):
        submission_from_request(too_often)


def test_submission_keeps_order_and_nanoseconds() -> None:
    request = an_update("a", b"2", b"1", b"2", ttl_ns=1_500_000_001)

    submission = submission_from_request(request)

    assert submission.endpoints == (b"2", b"1")
    assert submission.ttl_ns == 1_500_000_001


def test_bytes_made_by_another_implementation_are_read() -> None:
    # Field numbers by hand, from the table in discovery.md 1.2, and one unknown field.
    raw = bytes.fromhex("0a0163 1201 61 1a0164 220165 2a02083c 9a0601ff")

    request = decode_request(pb.AffiliateUpdateRequest, raw)

    assert request.ttl.seconds == 60
    assert submission_from_request(request).data == b"d"


@pytest.mark.parametrize("raw", [b"\xff", b"\x0a\x05ab", b"\x0a\x01\xff"])
def test_bytes_that_are_no_message_are_refused(raw: bytes) -> None:
    with pytest.raises(UnreadableRequest):
        decode_request(pb.ListRequest, raw)


@given(st.binary(max_size=200))
def test_any_bytes_are_a_submission_or_a_refusal(raw: bytes) -> None:
    with contextlib.suppress(Refusal):
        submission_from_request(decode_request(pb.AffiliateUpdateRequest, raw))
