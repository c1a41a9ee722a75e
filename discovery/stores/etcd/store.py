"""The store of a service that is several replicas."""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from discovery.drivers.entropy import spread
from discovery.drivers.etcd.failure import EtcdError
from discovery.metrics.metrics import Metrics
from discovery.service.refusal import Unavailable
from discovery.service.store import StoreHealth
from discovery.state.affiliate import Submission, merge_submission, says_the_same
from discovery.state.clusters import Clusters
from discovery.stores.etcd.link import Link
from discovery.stores.etcd.mirror import Mirror
from discovery.stores.etcd.places import Places
from discovery.stores.etcd.record_key import RecordKey
from discovery.stores.etcd.remembered import Remembered
from discovery.stores.etcd.sweeper import Sweeper
from discovery.stores.etcd.turns import Turns
from discovery.stores.etcd.writer import Writer

# All that clients are told; where etcd is, and why it fails, is for the operator.
AWAY: Final = "nothing can be changed at the moment, try again later"
RETRY_S: Final = 0.2
RETRY_S_MAX: Final = 2.0


@dataclass(frozen=True, slots=True)
class EtcdStore:
    """Writes to etcd, and lets the mirror tell what came of it.

    The limit of affiliates in a cluster is exact for one replica: replicas that create
    at the same moment can exceed it by what is under way at the others, some
    milliseconds' worth, and by less than one cluster for each of them at worst. The
    limit of endpoints is exact.

    Attributes:
        clusters: only read here.
        mirror: what etcd has.
        writer: the way there.
        remembered: what was acknowledged without etcd.
        sweeper: removes what has run out.
        link: whether etcd is there.
        turns: who may write which record.
        places: for whom there is room.
        metrics: counts refreshes and sweeps.
        now_ns: monotonic clock.
        is_watched: whether somebody watches a cluster, which then is not dropped.
    """

    clusters: Clusters
    mirror: Mirror
    writer: Writer
    remembered: Remembered
    sweeper: Sweeper
    link: Link
    turns: Turns
    places: Places
    metrics: Metrics
    now_ns: Callable[[], int]
    is_watched: Callable[[str], bool]

    async def update(
        self, cluster_id: str, submission: Submission, patience_s: float
    ) -> None:
        """Merge a submission; returns once etcd has it and this replica shows it.

        While etcd is away, what changes nothing anybody could see is remembered.
        """
        key = RecordKey(cluster_id, submission.affiliate_id)
        try:
            async with asyncio.timeout(patience_s), self.turns.take(key):
                for pause_s in _pauses():
                    if await self._try_update(key, submission, pause_s):
                        return
        except TimeoutError:
            if not self._remember_refresh(key, submission):
                raise Unavailable(AWAY) from None

    async def delete(
        self, cluster_id: str, affiliate_id: str, patience_s: float
    ) -> None:
        """Remove a record from etcd, also one this replica has not heard of yet."""
        key = RecordKey(cluster_id, affiliate_id)
        try:
            async with asyncio.timeout(patience_s), self.turns.take(key):
                for pause_s in _pauses():
                    if await self._try_delete(key, pause_s):
                        return
        except TimeoutError:
            raise Unavailable(AWAY) from None

    async def sweep(self) -> None:
        """Remove what has run out, unless others may know better at the moment."""
        affiliates = await self.sweeper.sweep()
        before = len(self.clusters)
        for cluster_id in self.clusters.cluster_ids:
            if not self.is_watched(cluster_id):
                self.clusters.drop_if_empty(cluster_id)
        self.metrics.swept(before - len(self.clusters), affiliates)

    def was_restored(self, cluster_id: str) -> bool:  # noqa: ARG002 - of a Store
        """Always: what the service knows outlives every replica."""
        return True

    def health(self) -> StoreHealth:
        """Ready once everything was read; from then on, an outage is no reason."""
        if not self.mirror.is_loaded:
            return StoreHealth(ready=False, problem=f"etcd: {self.link.problem}")
        if not self.link.problem:
            return StoreHealth(ready=True)
        problem = (
            f"etcd: {self.link.problem}; refreshes waiting: {len(self.remembered)}"
        )
        return StoreHealth(ready=True, problem=problem)

    async def _try_update(
        self, key: RecordKey, submission: Submission, pause_s: float
    ) -> bool:
        """Try once, pause if etcd fails; tell whether that was it."""
        if not self.link.is_up:
            if self._remember_refresh(key, submission):
                return True
            await self.link.wait_up()
        try:
            return await self._write(key, submission)
        except EtcdError:
            if self._remember_refresh(key, submission):
                return True
            await asyncio.sleep(spread(pause_s))
            return False

    async def _write(self, key: RecordKey, submission: Submission) -> bool:
        """Write what is known and submitted; False: somebody else was faster."""
        pending, known = self.remembered.pending(key), self.remembered.get(key)
        record = merge_submission(known, submission, self.now_ns())
        with self.places.take(key):
            if not await self.writer.put(key, record):
                return False
        self.remembered.forget(key, pending)
        if known is not None and says_the_same(known, record):
            self.metrics.refreshed()
        return True

    async def _try_delete(self, key: RecordKey, pause_s: float) -> bool:
        await self.link.wait_up()
        try:
            await self.writer.remove(key, if_known=False)
        except EtcdError:
            await asyncio.sleep(spread(pause_s))
            return False
        self.remembered.drop(key)
        if not self.mirror.revision_of(key):
            self.mirror.drop(key)  # only we had it, as etcd had lost it
        return True

    def _remember_refresh(self, key: RecordKey, submission: Submission) -> bool:
        """Keep a submission for later if nobody can see it; tell whether."""
        known = self.remembered.get(key)
        if known is None:
            return False
        record = merge_submission(known, submission, self.now_ns())
        if not says_the_same(known, record):
            return False
        self.remembered.add(key, record)
        self.metrics.refreshed()
        return True


def _pauses() -> Iterator[float]:
    """Yield ever longer pauses, without end; thousands of calls may be waiting."""
    pause_s = RETRY_S
    while True:
        yield pause_s
        pause_s = min(pause_s * 2, RETRY_S_MAX)
