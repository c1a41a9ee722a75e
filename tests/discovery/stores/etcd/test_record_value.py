from contextlib import suppress

import pytest
from google.protobuf.duration_pb2 import Duration
from hypothesis import given
from hypothesis import strategies as st

from discovery.api.storage_pb2 import AffiliateSnapshot, EndpointSnapshot
from discovery.state.affiliate import Affiliate, Endpoint
from discovery.state.limits import NS_PER_S, TTL_NS_MAX
from discovery.stores.etcd.record_value import (
    UnreadableRecord,
    decode_record,
    encode_record,
)

lifetimes = st.integers(-NS_PER_S, TTL_NS_MAX)


def a_message(**fields: object) -> AffiliateSnapshot:
    return AffiliateSnapshot(**{"id": "a", "data": b"d"} | fields)


@given(lifetimes, st.lists(lifetimes, max_size=5), st.integers(0, 10**20))
def test_lifetimes_are_exact_between_two_clocks(
    left_ns: int, endpoints_left_ns: list[int], other_ns: int
) -> None:
    def record(now_ns: int) -> Affiliate:
        endpoints = [
            Endpoint(b"e%d" % number, now_ns + left)
            for number, left in enumerate(endpoints_left_ns)
        ]
        return Affiliate("a", b"data", now_ns + left_ns, tuple(endpoints))

    raw = encode_record(record(7), 7)

    assert decode_record(raw, "a", other_ns) == record(other_ns)


def test_what_ran_out_long_ago_has_just_run_out() -> None:
    record = Affiliate("a", b"", -(1 << 70), ())

    assert decode_record(encode_record(record, 0), "a", 0).expires_ns == -NS_PER_S


def test_nothing_lives_longer_than_the_service_allows() -> None:
    long = Duration(seconds=1 << 62)
    message = a_message(ttl=long, endpoints=[EndpointSnapshot(data=b"e", ttl=long)])

    record = decode_record(message.SerializeToString(), "a", 5)

    assert record.expires_ns == record.endpoints[0].expires_ns == 5 + TTL_NS_MAX


@pytest.mark.parametrize(
    "message",
    [
        pytest.param(a_message(id="other"), id="another affiliate"),
        pytest.param(a_message(data=bytes(2049)), id="too much data"),
        pytest.param(
            a_message(endpoints=[EndpointSnapshot(data=b"e")] * 2), id="twice the same"
        ),
        pytest.param(
            a_message(endpoints=[EndpointSnapshot(data=b"%d" % n) for n in range(65)]),
            id="65 endpoints",
        ),
        pytest.param(
            a_message(endpoints=[EndpointSnapshot(data=bytes(33))]), id="long endpoint"
        ),
        pytest.param(a_message(endpoints=[EndpointSnapshot()]), id="empty endpoint"),
    ],
)
def test_value_we_would_not_write_is_refused(message: AffiliateSnapshot) -> None:
    with pytest.raises(UnreadableRecord):
        decode_record(message.SerializeToString(), "a", 0)


@given(st.binary(max_size=300))
def test_any_bytes_are_a_record_or_refused(raw: bytes) -> None:
    with suppress(UnreadableRecord):
        record = decode_record(raw, "a", 0)
        assert decode_record(encode_record(record, 0), "a", 0) == record
