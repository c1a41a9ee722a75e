"""Who watches which cluster, and what each still has to be told.

Writers never wait for watchers: a change is put into every backlog and that is all.
Each watcher is served by its own call, at its own pace.
"""

import asyncio

from discovery.service.backlog import Announcement, Backlog
from discovery.service.watch_messages import announcement_from_change
from discovery.state.cluster import Change


class Subscription:
    """One open watch.

    Args:
        first: the snapshot and its continuation; sent before any change.
    """

    __slots__ = ("_backlog", "_closed", "_first", "_woken")

    def __init__(self, first: list[bytes]) -> None:
        self._first = first[::-1]
        self._backlog = Backlog()
        self._woken = asyncio.Event()
        self._closed = False

    def offer(self, announcement: Announcement) -> None:
        """Add a change; never blocks, never overflows."""
        self._backlog.add(announcement)
        self._woken.set()

    def close(self) -> None:
        """End the watch: no further message."""
        self._closed = True
        self._woken.set()

    async def next_message(self) -> bytes | None:
        """Wait for the next ``WatchResponse``; None once the watch is to end."""
        while not self._closed:
            if self._first:
                return self._first.pop()
            if self._backlog:
                return self._backlog.take()
            self._woken.clear()
            await self._woken.wait()
        return None


class Watchers:
    """Every open watch, by cluster."""

    def __init__(self) -> None:
        self._watches_by_cluster: dict[str, dict[Subscription, None]] = {}
        self._closed = False

    def __len__(self) -> int:
        return sum(map(len, self._watches_by_cluster.values()))

    @property
    def subscriptions(self) -> tuple[Subscription, ...]:
        """Every open watch."""
        watches = self._watches_by_cluster.values()
        return tuple(subscription for cluster in watches for subscription in cluster)

    def is_watched(self, cluster_id: str) -> bool:
        """Tell whether somebody watches a cluster."""
        return cluster_id in self._watches_by_cluster

    def subscribe(self, cluster_id: str, first: list[bytes]) -> Subscription:
        """Open a watch that starts with these messages.

        The caller takes the snapshot and subscribes without awaiting in between; then
        no change is lost or told twice.
        """
        subscription = Subscription(first)
        if self._closed:
            subscription.close()
        self._watches_by_cluster.setdefault(cluster_id, {})[subscription] = None
        return subscription

    def unsubscribe(self, cluster_id: str, subscription: Subscription) -> None:
        """Forget a watch; harmless if it is forgotten already."""
        watches = self._watches_by_cluster.get(cluster_id, {})
        watches.pop(subscription, None)
        if not watches:
            self._watches_by_cluster.pop(cluster_id, None)

    def announce(self, cluster_id: str, change: Change) -> None:
        """Tell every watcher of a cluster. Cost: O(n) in watchers."""
        if not self.is_watched(cluster_id):
            return
        announcement = announcement_from_change(change)
        for subscription in self._watches_by_cluster.get(cluster_id, ()):
            subscription.offer(announcement)

    def close(self) -> None:
        """End all watches, and every one that is opened from here on."""
        self._closed = True
        for watches in self._watches_by_cluster.values():
            for subscription in watches:
                subscription.close()
