"""What one watcher still has to be told: per affiliate, only its newest state.

Pure. However long a watcher sleeps, its backlog holds no more than what it knows and
what exists: a burst cannot overflow it, and catching up costs one pass.
"""

from dataclasses import dataclass

# Larger than any record, small against what a connection buffers.
MESSAGE_BYTES_MAX = 256 * 1024


@dataclass(frozen=True, slots=True)
class Announcement:
    """One change, encoded once for all watchers of a cluster.

    Attributes:
        affiliate_id: who changed.
        message: an encoded ``WatchResponse`` about this affiliate alone.
        deleted: it is gone; such a message cannot share one with the living.
        created: it did not exist just before.
    """

    affiliate_id: str
    message: bytes
    deleted: bool
    created: bool = False


class Backlog:
    """Announcements in the order of each affiliate's last change."""

    __slots__ = ("_announcement_by_id", "_unseen")

    def __init__(self) -> None:
        self._announcement_by_id: dict[str, Announcement] = {}
        self._unseen: set[str] = set()  # waiting here, and never told of before

    def __len__(self) -> int:
        return len(self._announcement_by_id)

    def add(self, announcement: Announcement) -> None:
        """Add a change; it replaces what waits for the same affiliate.

        One that came and went unseen leaves nothing behind.
        """
        affiliate_id = announcement.affiliate_id
        waiting = self._announcement_by_id.pop(affiliate_id, None)
        if waiting is None and announcement.created:
            self._unseen.add(affiliate_id)
        elif announcement.deleted and affiliate_id in self._unseen:
            self._unseen.discard(affiliate_id)
            return
        self._announcement_by_id[affiliate_id] = announcement

    def take(self) -> bytes:
        """Remove and return the next message: the first changes that are of one kind.

        Returns:
            An encoded ``WatchResponse`` of at most 256 KiB, because messages of
            protobuf put one after the other are one message. Empty if nothing waits.
        """
        parts: list[bytes] = []
        room_bytes = MESSAGE_BYTES_MAX
        kind = None
        for announcement in self._announcement_by_id.values():
            room_bytes -= len(announcement.message)
            kind = announcement.deleted if kind is None else kind
            if announcement.deleted != kind or (parts and room_bytes < 0):
                break
            parts.append(announcement.message)
        self._drop_first(len(parts))
        return b"".join(parts)

    def _drop_first(self, count: int) -> None:
        for affiliate_id in list(self._announcement_by_id)[:count]:
            del self._announcement_by_id[affiliate_id]
            self._unseen.discard(affiliate_id)
