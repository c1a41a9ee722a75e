"""Room for what is being created by this replica and not yet to be seen."""

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager

from discovery.state.clusters import Clusters
from discovery.state.limits import AFFILIATES_MAX, LimitExceeded
from discovery.stores.etcd.record_key import RecordKey


class Places:
    """Who has been promised a place in a cluster; as large as writes are under way.

    Args:
        clusters: what is there already.
    """

    def __init__(self, clusters: Clusters) -> None:
        self._clusters = clusters
        self._promised: defaultdict[str, set[str]] = defaultdict(set)

    def __len__(self) -> int:
        return len(self._promised)

    @contextmanager
    def take(self, key: RecordKey) -> Iterator[None]:
        """Hold a place until the record can be seen; one writer for each record.

        Raises:
            LimitExceeded: the cluster is full, or will be, or the service is.
        """
        self._clusters.require_room(*key)
        if self._clusters.get(*key) is not None:
            yield
            return
        self._require_place(key)
        promised = self._promised[key.cluster_id]
        promised.add(key.affiliate_id)
        try:
            yield
        finally:
            promised.discard(key.affiliate_id)
            if not promised:
                self._promised.pop(key.cluster_id, None)

    def _require_place(self, key: RecordKey) -> None:
        promised = self._promised.get(key.cluster_id, set())
        free = AFFILIATES_MAX - len(self._clusters.affiliates(key.cluster_id))
        if len(promised) < free:
            return
        unseen = [p for p in promised if self._clusters.get(key.cluster_id, p) is None]
        if len(unseen) >= free:
            raise LimitExceeded(f"a cluster has at most {AFFILIATES_MAX} affiliates")
