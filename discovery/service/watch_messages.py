"""Records as the bytes of replies; pure.

Source: discovery.md 1.2, 2.6.
"""

from collections.abc import Iterable

from discovery.api import cluster_pb2 as pb
from discovery.state.affiliate import Affiliate
from discovery.state.cluster import Change

# Clients of gRPC receive at most 4 MiB unless told otherwise (discovery.md 2.5).
SNAPSHOT_BYTES_MAX = 3_500 * 1024


def encode_list(affiliates: Iterable[Affiliate]) -> bytes:
    """Return a ``ListResponse``; a full cluster makes one above 4 MiB."""
    messages = [_message_from_affiliate(affiliate) for affiliate in affiliates]
    return pb.ListResponse(affiliates=messages).SerializeToString()


def encode_snapshot(affiliates: Iterable[Affiliate]) -> tuple[bytes, ...]:
    """Return the first messages of a watch: a snapshot and what did not fit into it.

    Returns:
        At least one, at most 3.5 MiB each. A client takes the first for everything
        there is and the rest for news, so nothing is lost.
    """
    messages = [bytearray()]
    for affiliate in affiliates:
        encoded = _encode([_message_from_affiliate(affiliate)])
        if len(messages[-1]) + len(encoded) > SNAPSHOT_BYTES_MAX:
            messages.append(bytearray())
        messages[-1] += encoded
    return tuple(bytes(message) for message in messages)


def encode_changes(changes: Iterable[Change]) -> tuple[bytes, ...]:
    """Return what tells a watcher of changes: deletions first, then the living.

    The two cannot share a message. Of a deletion only who it was is told.

    Args:
        changes: at most one for each affiliate, so that their order does not matter.

    Returns:
        None, one or two ``WatchResponse``.
    """
    deleted, living = [], []
    for change in changes:
        if change.affiliate is None:
            deleted.append(pb.Affiliate(id=change.affiliate_id))
        else:
            living.append(_message_from_affiliate(change.affiliate))
    messages = [_encode(deleted, deleted=True)] if deleted else []
    return (*messages, _encode(living)) if living else tuple(messages)


def _encode(affiliates: list[pb.Affiliate], *, deleted: bool = False) -> bytes:
    response = pb.WatchResponse(affiliates=affiliates, deleted=deleted)
    return response.SerializeToString()


def _message_from_affiliate(affiliate: Affiliate) -> pb.Affiliate:
    return pb.Affiliate(
        id=affiliate.id,
        data=affiliate.data,
        endpoints=[endpoint.data for endpoint in affiliate.endpoints],
    )
