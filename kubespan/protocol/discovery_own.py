"""Our own record at a service: is it still what we published?"""

from collections import deque
from collections.abc import Iterable
from typing import Final

from kubespan.protocol.discovery_records import OpenedRecord, Update

REMEMBERED: Final = 16
"""Changes of ours that a service may still be on its way to tell us of."""


class OwnRecord:
    """Told what we publish and what a service sends; knows who said it.

    Every sealing has a nonce of its own, so equal bytes are ours, and others are of
    somebody who has our node ID: mostly a copy of this host, state directory included.

    Args:
        node_id: ours.
        memory_s: how long to speak of somebody who was heard.
    """

    def __init__(self, node_id: str, memory_s: float) -> None:
        self._node_id = node_id
        self._memory_s = memory_s
        self._published: deque[bytes] = deque(maxlen=REMEMBERED)
        self._heard_s: float | None = None

    def published(self, updates: Iterable[Update]) -> None:
        """Note what is ours from now on."""
        self._published.extend(
            update.data for update in updates if update.affiliate_id == self._node_id
        )

    def replaced_in(self, records: Iterable[OpenedRecord], now_s: float) -> bool:
        """Tell whether one of these is our record with another's content.

        Args:
            records: changes; a snapshot may rightly hold what we said before a restart.
            now_s: monotonic.
        """
        found = any(
            record.sealed.affiliate_id == self._node_id
            and record.sealed.data
            and record.sealed.data not in self._published
            for record in records
        )
        if found:
            self._heard_s = now_s
        return found

    def is_shared(self, now_s: float) -> bool:
        """Tell whether somebody else lately published under our node ID."""
        return self._heard_s is not None and now_s - self._heard_s < self._memory_s
