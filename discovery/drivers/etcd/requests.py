"""Requests to etcd and what its replies say; pure.

Source: vip.md 2.2.
"""

from discovery.api import etcd_pb2 as pb
from discovery.drivers.etcd.access import Batch, Outcome, Page, Stored


def end_of_prefix(prefix: bytes) -> bytes:
    """Return the first key after all that begin with a prefix; one zero byte: none."""
    bare = prefix.rstrip(b"\xff")
    return bare[:-1] + bytes([bare[-1] + 1]) if bare else b"\0"


def head_request(prefix: bytes) -> pb.RangeRequest:
    """Ask for a count, which costs little and needs a quorum."""
    return pb.RangeRequest(
        key=prefix or b"\0", range_end=end_of_prefix(prefix), count_only=True, limit=1
    )


def page_request(
    prefix: bytes, after: bytes, revision: int, limit: int
) -> pb.RangeRequest:
    """Ask for the keys below a prefix that follow one.

    Args:
        prefix: of all.
        after: the last key of the page before; empty for the first page.
        revision: as of when; 0: now.
        limit: how many.
    """
    first = after + b"\0" if after else prefix or b"\0"
    return pb.RangeRequest(
        key=first, range_end=end_of_prefix(prefix), revision=revision, limit=limit
    )


def page_from_reply(reply: pb.RangeResponse, revision: int) -> Page:
    """Return a page; ``revision`` is that of the first page, 0 if this is it."""
    keys = tuple(Stored(kv.key, kv.value, kv.mod_revision) for kv in reply.kvs)
    return Page(reply.header.cluster_id, revision or reply.header.revision, keys)


def put_request(key: bytes, value: bytes, if_revision: int) -> pb.TxnRequest:
    """Set a key if its last change is that one; 0: if it does not exist."""
    put = pb.PutRequest(key=key, value=value)
    return pb.TxnRequest(
        compare=[_is_at(key, if_revision)], success=[pb.RequestOp(request_put=put)]
    )


def delete_request(key: bytes, if_revision: int) -> pb.TxnRequest:
    """Remove a key, if its last change is that one; else say what it is."""
    delete = pb.DeleteRangeRequest(key=key)
    look = pb.RangeRequest(key=key, keys_only=True)
    return pb.TxnRequest(
        compare=[_is_at(key, if_revision)],
        success=[pb.RequestOp(request_delete_range=delete)],
        failure=[pb.RequestOp(request_range=look)],
    )


def past_request(change: Stored) -> pb.RangeRequest:
    """Ask how a key was just after a change of it."""
    return pb.RangeRequest(key=change.key, revision=change.mod_revision)


def is_in_reply(reply: pb.RangeResponse, change: Stored) -> bool:
    """Tell whether the change was as we remember it."""
    keys = [Stored(kv.key, kv.value, kv.mod_revision) for kv in reply.kvs]
    return keys == [change]


def outcome_from_reply(reply: pb.TxnResponse) -> Outcome:
    """Return what became of a put or a deletion."""
    changed, found = reply.succeeded, 0
    for response in reply.responses:
        if response.HasField("response_delete_range"):
            changed = changed and response.response_delete_range.deleted > 0
        for kv in response.response_range.kvs:
            found = kv.mod_revision
    return Outcome(changed, reply.header.revision, found)


def watch_request(prefix: bytes, revision: int) -> pb.WatchRequest:
    """Ask for every change below a prefix; large batches come in fragments."""
    create = pb.WatchCreateRequest(
        key=prefix or b"\0",
        range_end=end_of_prefix(prefix),
        start_revision=revision,
        fragment=True,
    )
    return pb.WatchRequest(create_request=create)


def batch_from_reply(reply: pb.WatchResponse) -> Batch:
    """Return the changes of one message.

    A fragment may end within a revision, so that one is told only by the next.
    """
    keys = tuple(_stored_from_event(event) for event in reply.events)
    last = keys[-1].mod_revision - reply.fragment if keys else 0
    return Batch(keys, last)


def _stored_from_event(event: pb.Event) -> Stored:
    is_put = event.type == pb.Event.PUT
    return Stored(
        event.kv.key, event.kv.value if is_put else None, event.kv.mod_revision
    )


def _is_at(key: bytes, revision: int) -> pb.Compare:
    return pb.Compare(
        result=pb.Compare.EQUAL,
        target=pb.Compare.MOD,
        key=key,
        mod_revision=revision,
    )
