"""The bytes are those of vip.md 2.2; etcd itself confirms them in test_access.py."""

import pytest

from discovery.api import etcd_pb2 as pb
from discovery.drivers.etcd.access import Batch, Outcome, Page, Stored
from discovery.drivers.etcd.requests import (
    batch_from_reply,
    delete_request,
    end_of_prefix,
    head_request,
    outcome_from_reply,
    page_from_reply,
    page_request,
    put_request,
    watch_request,
)


@pytest.mark.parametrize(
    ("prefix", "end"),
    [
        pytest.param(b"a/", b"a0", id="last byte plus one"),
        pytest.param(b"a\xff", b"b", id="ff is dropped first"),
        pytest.param(b"\xff\xff", b"\0", id="nothing but ff: to the end"),
        pytest.param(b"", b"\0", id="everything"),
    ],
)
def test_end_of_prefix_is_the_first_key_after_it(prefix: bytes, end: bytes) -> None:
    assert end_of_prefix(prefix) == end


def test_guarded_put_is_a_transaction_on_the_revision() -> None:
    raw = put_request(b"k", b"v", 7).SerializeToString()

    # compare: target MOD, key, mod_revision 7 (EQUAL is zero); success: put
    assert raw.hex() == "0a07" + "1002" + "1a016b" + "3007" + "1208" + "1206" + (
        "0a016b" + "120176"
    )


def test_put_of_a_new_key_says_revision_zero_aloud() -> None:
    raw = put_request(b"k", b"v", 0).SerializeToString()

    assert raw.hex().startswith("0a07" + "1002" + "1a016b" + "3000")


def test_deletion_that_is_not_done_says_why() -> None:
    request = delete_request(b"k", 5)

    assert request.compare[0].mod_revision == 5
    assert request.success[0].request_delete_range.key == b"k"
    assert request.failure[0].request_range.key == b"k"
    assert request.failure[0].request_range.keys_only


def test_pages_follow_each_other_at_one_revision() -> None:
    first = page_request(b"p/", b"", 0, 10)
    second = page_request(b"p/", b"p/x", 42, 10)

    assert (first.key, first.range_end, first.revision) == (b"p/", b"p0", 0)
    assert (second.key, second.range_end, second.revision) == (b"p/x\0", b"p0", 42)
    assert page_request(b"", b"", 0, 10).key == b"\0"


def test_head_needs_a_quorum_and_no_keys() -> None:
    request = head_request(b"p/")

    assert (request.count_only, request.serializable) == (True, False)


def test_page_keeps_the_revision_of_the_first() -> None:
    reply = pb.RangeResponse(
        header=pb.ResponseHeader(cluster_id=3, revision=50),
        kvs=[pb.KeyValue(key=b"k", value=b"v", mod_revision=40)],
    )

    assert page_from_reply(reply, 0) == Page(3, 50, (Stored(b"k", b"v", 40),))
    assert page_from_reply(reply, 42).revision == 42


def test_outcome_of_a_deletion_counts_what_was_deleted() -> None:
    def reply(deleted: int, succeeded: bool = True) -> pb.TxnResponse:
        response = pb.DeleteRangeResponse(deleted=deleted)
        return pb.TxnResponse(
            header=pb.ResponseHeader(revision=9),
            succeeded=succeeded,
            responses=[pb.ResponseOp(response_delete_range=response)],
        )

    assert outcome_from_reply(reply(1)) == Outcome(True, 9)
    assert outcome_from_reply(reply(0)) == Outcome(False, 9)
    assert outcome_from_reply(pb.TxnResponse(succeeded=False)) == Outcome(False, 0)


def test_watch_asks_for_fragments() -> None:
    create = watch_request(b"p/", 5).create_request

    assert (create.key, create.range_end) == (b"p/", b"p0")
    assert (create.start_revision, create.fragment) == (5, True)


def test_batch_tells_puts_and_deletions() -> None:
    reply = pb.WatchResponse(
        events=[
            pb.Event(kv=pb.KeyValue(key=b"k", value=b"", mod_revision=4)),
            pb.Event(type=pb.Event.DELETE, kv=pb.KeyValue(key=b"k", mod_revision=5)),
        ]
    )

    keys = (Stored(b"k", b"", 4), Stored(b"k", None, 5))
    assert batch_from_reply(reply) == Batch(keys, 5)


def test_fragment_may_end_within_a_revision() -> None:
    event = pb.Event(kv=pb.KeyValue(key=b"k", value=b"v", mod_revision=5))

    assert batch_from_reply(pb.WatchResponse(fragment=True, events=[event])) == Batch(
        (Stored(b"k", b"v", 5),), 4
    )


def test_message_without_events_says_nothing_about_revisions() -> None:
    reply = pb.WatchResponse(header=pb.ResponseHeader(revision=99), created=True)

    assert batch_from_reply(reply) == Batch((), 0)
