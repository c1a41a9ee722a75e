from hypothesis import given
from hypothesis import strategies as st

from bench.discovery.messages import (
    affiliate_id,
    data_of,
    delete_request,
    endpoint_of,
    read_watch_message,
    update_request,
    watch_request,
)
from discovery.api import cluster_pb2 as pb


def an_affiliate(index: int, data: bytes, *endpoints: bytes) -> pb.Affiliate:
    return pb.Affiliate(id=affiliate_id(index), data=data, endpoints=endpoints)


def test_requests_are_those_of_the_api() -> None:
    # the oracle is protobuf itself
    endpoints = (endpoint_of(0, 7), endpoint_of(1, 7))
    update = pb.AffiliateUpdateRequest.FromString(
        update_request("c", 3, data_of(7), endpoints)
    )

    assert pb.WatchRequest.FromString(watch_request("c")).cluster_id == "c"
    assert (update.cluster_id, update.affiliate_id) == ("c", affiliate_id(3))
    assert (update.affiliate_data, update.ttl.seconds) == (data_of(7), 1800)
    assert tuple(update.affiliate_endpoints) == endpoints
    deletion = pb.AffiliateDeleteRequest.FromString(delete_request("c", 3))
    assert (deletion.cluster_id, deletion.affiliate_id) == ("c", affiliate_id(3))


def test_reply_tells_the_newest_version_of_each_affiliate() -> None:
    message = pb.WatchResponse(
        affiliates=[
            an_affiliate(1, data_of(5), endpoint_of(0, 9)),
            an_affiliate(2, data_of(6)),
        ]
    )

    assert read_watch_message(message.SerializeToString()) == ((1, 9), (2, 6))


def test_deleted_affiliates_are_at_version_zero() -> None:
    message = pb.WatchResponse(
        affiliates=[pb.Affiliate(id=affiliate_id(4))], deleted=True
    )

    assert read_watch_message(message.SerializeToString()) == ((4, 0),)


@given(st.binary(max_size=200))
def test_other_bytes_are_refused_or_read_but_never_hang(raw: bytes) -> None:
    try:
        read_watch_message(raw)
    except (ValueError, IndexError):
        return
