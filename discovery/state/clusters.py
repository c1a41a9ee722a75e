"""All clusters, by ID: made when first written to or watched, dropped when empty.

Nobody outside holds a cluster, only its ID, so none can be changed or watched after
it was dropped (the race of discovery.md 8, number 12, cannot be written down here).
"""

from dataclasses import dataclass

from discovery.state.affiliate import Affiliate, Submission
from discovery.state.cluster import Change, Cluster, Tally
from discovery.state.limits import LimitExceeded


@dataclass(frozen=True, slots=True)
class Counts:
    """How much is stored."""

    clusters: int
    affiliates: int
    endpoints: int


class Clusters:
    """Every cluster of this service.

    Args:
        clusters_max: how many there may be; None: any number.
    """

    def __init__(self, clusters_max: int | None = None) -> None:
        self._cluster_by_id: dict[str, Cluster] = {}
        self._clusters_max = clusters_max
        self._tally = Tally()

    def __len__(self) -> int:
        return len(self._cluster_by_id)

    @property
    def cluster_ids(self) -> tuple[str, ...]:
        """Every cluster that exists now."""
        return tuple(self._cluster_by_id)

    def count(self) -> Counts:
        """Count what is stored. Cost: O(1)."""
        return Counts(len(self), self._tally.affiliates, self._tally.endpoints)

    def update(
        self, cluster_id: str, submission: Submission, now_ns: int
    ) -> Change | None:
        """Merge a submission; None if no watcher could see a difference.

        Raises:
            LimitExceeded: the cluster, the affiliate or the service is full; nothing
                changed.
        """
        cluster = self._get_or_make(cluster_id)
        change = cluster.update(submission, now_ns)
        self._cluster_by_id[cluster_id] = cluster  # only if the update was possible
        return change

    def delete(self, cluster_id: str, affiliate_id: str) -> Change | None:
        """Remove a record; None if there was none."""
        cluster = self._cluster_by_id.get(cluster_id)
        return cluster.delete(affiliate_id) if cluster else None

    def affiliates(self, cluster_id: str) -> tuple[Affiliate, ...]:
        """Every record of a cluster; empty if it is unknown, which makes no cluster."""
        cluster = self._cluster_by_id.get(cluster_id)
        return cluster.affiliates if cluster else ()

    def get(self, cluster_id: str, affiliate_id: str) -> Affiliate | None:
        """Return one record; None if there is none."""
        cluster = self._cluster_by_id.get(cluster_id)
        return cluster.get(affiliate_id) if cluster else None

    def require_room(self, cluster_id: str, affiliate_id: str) -> None:
        """Raise ``LimitExceeded`` unless this affiliate exists or could be made."""
        self._get_or_make(cluster_id).require_room(affiliate_id)

    def drop_if_empty(self, cluster_id: str) -> None:
        """Forget a cluster that has no affiliates."""
        if not self._cluster_by_id.get(cluster_id, True):
            del self._cluster_by_id[cluster_id]

    def open(self, cluster_id: str) -> tuple[Affiliate, ...]:
        """Make sure a cluster exists, as for somebody who watches it; its records.

        Raises:
            LimitExceeded: one cluster too many.
        """
        cluster = self._get_or_make(cluster_id)
        self._cluster_by_id[cluster_id] = cluster
        return cluster.affiliates

    def put(self, cluster_id: str, affiliate: Affiliate) -> Change | None:
        """Store a record as it is, as read from elsewhere; no limit is checked.

        Returns:
            None if no watcher could see a difference.
        """
        cluster = self._cluster_by_id.setdefault(cluster_id, Cluster(self._tally))
        return cluster.put(affiliate)

    def sweep(
        self, cluster_id: str, now_ns: int, *, watched: bool
    ) -> tuple[Change, ...]:
        """Remove what has run out of one cluster, and the cluster if that was all.

        An empty cluster that somebody watches stays.

        Source:
            discovery.md 2.4.
        """
        cluster = self._cluster_by_id.get(cluster_id)
        if cluster is None:
            return ()
        changes = cluster.sweep(now_ns)
        if not cluster and not watched:
            del self._cluster_by_id[cluster_id]
        return changes

    def _get_or_make(self, cluster_id: str) -> Cluster:
        cluster = self._cluster_by_id.get(cluster_id)
        if cluster is not None:
            return cluster
        if self._clusters_max is not None and len(self) >= self._clusters_max:
            raise LimitExceeded("the service has no room for one more cluster")
        return Cluster(self._tally)
