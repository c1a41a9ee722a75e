"""Records in the memory of this process."""

import asyncio
from collections.abc import Callable

from discovery.metrics.metrics import Metrics
from discovery.service.store import Announce, StoreHealth
from discovery.state.affiliate import Submission
from discovery.state.clusters import Clusters

# Between two breaths of a sweep; a cluster in which nothing is due costs a microsecond.
SWEEP_CLUSTERS_AT_ONCE = 100


class MemoryStore:
    """The store of a service that is one process.

    Args:
        clusters: what it keeps; changed here and nowhere else.
        announce: told every change.
        now_ns: monotonic clock.
        metrics: counts sweeps.
        is_watched: whether somebody watches a cluster, which then is not dropped.
    """

    def __init__(
        self,
        clusters: Clusters,
        announce: Announce,
        now_ns: Callable[[], int],
        metrics: Metrics,
        is_watched: Callable[[str], bool],
    ) -> None:
        self._clusters = clusters
        self._announce = announce
        self._now_ns = now_ns
        self._metrics = metrics
        self._is_watched = is_watched

    async def update(
        self, cluster_id: str, submission: Submission, patience_s: float
    ) -> None:
        """Merge a submission, at once."""
        change = self._clusters.update(cluster_id, submission, self._now_ns())
        if change is not None:
            self._announce(cluster_id, change)

    async def delete(
        self, cluster_id: str, affiliate_id: str, patience_s: float
    ) -> None:
        """Remove a record, at once."""
        change = self._clusters.delete(cluster_id, affiliate_id)
        if change is not None:
            self._announce(cluster_id, change)

    async def sweep(self) -> None:
        """Remove what has run out of every cluster."""
        for number, cluster_id in enumerate(self._clusters.cluster_ids):
            watched = self._is_watched(cluster_id)
            now_ns = self._now_ns()
            for change in self._clusters.sweep(cluster_id, now_ns, watched=watched):
                self._announce(cluster_id, change)
            if number % SWEEP_CLUSTERS_AT_ONCE == 0:
                await asyncio.sleep(0)

    def was_restored(self, cluster_id: str) -> bool:
        """Nothing outlives this process, so nothing tells of an earlier one."""
        return True

    def health(self) -> StoreHealth:
        """Memory is always well."""
        return StoreHealth(ready=True)
