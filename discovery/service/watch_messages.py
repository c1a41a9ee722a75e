"""Records as the bytes of replies; pure.

Source: discovery.md 1.2, 2.6.
"""

from collections.abc import Iterable

from discovery.api import cluster_pb2 as pb
from discovery.service.backlog import Announcement
from discovery.state.affiliate import Affiliate
from discovery.state.cluster import Change

# Clients of gRPC receive at most 4 MiB unless told otherwise (discovery.md 2.5).
SNAPSHOT_BYTES_MAX = 3_500 * 1024


def encode_list(affiliates: Iterable[Affiliate]) -> bytes:
    """Return a ``ListResponse``; a full cluster makes one above 4 MiB."""
    messages = [_message_from_affiliate(affiliate) for affiliate in affiliates]
    return pb.ListResponse(affiliates=messages).SerializeToString()


def encode_snapshot(affiliates: Iterable[Affiliate]) -> list[bytes]:
    """Return the first messages of a watch: a snapshot and what did not fit into it.

    Returns:
        At least one, at most 3.5 MiB each. A client takes the first for everything
        there is and the rest for news, so nothing is lost.
    """
    messages = [bytearray()]
    for affiliate in affiliates:
        encoded = encode_upsert(affiliate)
        if len(messages[-1]) + len(encoded) > SNAPSHOT_BYTES_MAX:
            messages.append(bytearray())
        messages[-1] += encoded
    return [bytes(message) for message in messages]


def encode_upsert(affiliate: Affiliate) -> bytes:
    """Return a ``WatchResponse`` with one whole record."""
    message = _message_from_affiliate(affiliate)
    return pb.WatchResponse(affiliates=[message]).SerializeToString()


def announcement_from_change(change: Change) -> Announcement:
    """Encode a change for whoever watches; a deletion says nothing but who."""
    if change.affiliate is not None:
        message = encode_upsert(change.affiliate)
        return Announcement(change.affiliate_id, message, False, change.created)
    gone = pb.WatchResponse(
        affiliates=[pb.Affiliate(id=change.affiliate_id)], deleted=True
    )
    return Announcement(change.affiliate_id, gone.SerializeToString(), True)


def _message_from_affiliate(affiliate: Affiliate) -> pb.Affiliate:
    return pb.Affiliate(
        id=affiliate.id,
        data=affiliate.data,
        endpoints=[endpoint.data for endpoint in affiliate.endpoints],
    )
