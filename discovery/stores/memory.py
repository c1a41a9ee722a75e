"""Records in the memory of this process, and on its disk if the operator wants."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field

from discovery.metrics.metrics import Metrics
from discovery.service.refusal import Unavailable
from discovery.service.store import Announce, StoreHealth
from discovery.state.affiliate import Submission
from discovery.state.clusters import Clusters
from discovery.stores.keeping import Forgetting, Keeper
from discovery.stores.restoring import Restored

log = logging.getLogger(__name__)

# Between two breaths of a sweep; a cluster in which nothing is due costs a microsecond.
SWEEP_CLUSTERS_AT_ONCE = 100


@dataclass(frozen=True, slots=True)
class Lasting:
    """What outlives the process.

    Attributes:
        keeper: told every change.
        restored: what an earlier process left behind.
    """

    keeper: Keeper = field(default_factory=Forgetting)
    restored: Restored = field(default_factory=Restored)


class MemoryStore:
    """The store of a service that is one process.

    Args:
        clusters: what it keeps; changed here and nowhere else.
        announce: told every change.
        now_ns: monotonic clock.
        metrics: counts sweeps, and updates that changed nothing.
        is_watched: whether somebody watches a cluster, which then is not dropped.
        lasting: what outlives the process; nothing, unless told.
    """

    def __init__(
        self,
        clusters: Clusters,
        announce: Announce,
        now_ns: Callable[[], int],
        metrics: Metrics,
        is_watched: Callable[[str], bool],
        lasting: Lasting | None = None,
    ) -> None:
        lasting = lasting or Lasting()
        self._clusters = clusters
        self._announce = announce
        self._now_ns = now_ns
        self._metrics = metrics
        self._is_watched = is_watched
        self._keeper = lasting.keeper
        self._restored = lasting.restored

    async def update(
        self, cluster_id: str, submission: Submission, patience_s: float
    ) -> None:
        """Merge a submission, at once; return when it is kept.

        A submission that only extends a life is kept like any other.
        """
        change = self._clusters.update(cluster_id, submission, self._now_ns())
        kept = self._keeper.note(cluster_id, submission.affiliate_id)
        if change is None:
            self._metrics.refreshed()
        else:
            self._announce(cluster_id, change)
        await _wait_for(kept, patience_s)

    async def delete(
        self, cluster_id: str, affiliate_id: str, patience_s: float
    ) -> None:
        """Remove a record, at once; return when that is kept."""
        change = self._clusters.delete(cluster_id, affiliate_id)
        if change is None:
            return
        kept = self._keeper.note(cluster_id, affiliate_id)
        self._announce(cluster_id, change)
        await _wait_for(kept, patience_s)

    async def sweep(self) -> None:
        """Remove what has run out of every cluster."""
        clusters = affiliates = 0
        for number, cluster_id in enumerate(self._clusters.cluster_ids):
            before = len(self._clusters)
            affiliates += self._sweep_cluster(cluster_id)
            clusters += before - len(self._clusters)
            if number % SWEEP_CLUSTERS_AT_ONCE == 0:
                await asyncio.sleep(0)
        self._metrics.swept(clusters, affiliates)
        level = logging.INFO if clusters or affiliates else logging.DEBUG
        fields = {"removed_clusters": clusters, "removed_affiliates": affiliates}
        log.log(level, "swept", extra={"fields": fields})

    def was_restored(self, cluster_id: str) -> bool:
        """Tell whether a cluster with live records was read from disk at the start.

        True for every cluster if no service ran before, or nothing tells of it.
        """
        restored = self._restored
        return not restored.ran_before or cluster_id in restored.cluster_ids

    def health(self) -> StoreHealth:
        """Memory is always well; the disk need not be."""
        return StoreHealth(ready=True, problem=self._keeper.problem)

    def _sweep_cluster(self, cluster_id: str) -> int:
        """Sweep one cluster; return how many records went."""
        removed = 0
        watched = self._is_watched(cluster_id)
        now_ns = self._now_ns()
        for change in self._clusters.sweep(cluster_id, now_ns, watched=watched):
            self._keeper.note(cluster_id, change.affiliate_id)
            self._announce(cluster_id, change)
            removed += change.affiliate is None
        return removed


async def _wait_for(kept: asyncio.Event | None, patience_s: float) -> None:
    if kept is None:
        return
    try:
        async with asyncio.timeout(patience_s):
            await kept.wait()
    except TimeoutError as error:
        raise Unavailable("the disk is too slow, try again later") from error
