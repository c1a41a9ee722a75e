"""Replicas of the service that share an etcd, without the service around them."""

import asyncio
import functools
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any, ParamSpec

from discovery.drivers.etcd.access import Etcd
from discovery.metrics.metrics import Metrics
from discovery.settings import Settings
from discovery.state.affiliate import Affiliate, Submission
from discovery.state.cluster import Change
from discovery.state.clusters import Clusters
from discovery.stores.etcd.opening import Surroundings, run_store
from discovery.stores.etcd.record_key import (
    RecordKey,
    etcd_key_from_record_key,
    prefix_of_records,
)
from discovery.stores.etcd.store import EtcdStore
from tests.fakes.virtual_time import run_virtually

S = 10**9
PATIENCE_S = 20.0
PREFIX = prefix_of_records(Settings().etcd_prefix)
A = RecordKey("c", "a")
RAW_A = etcd_key_from_record_key(PREFIX, A)
P = ParamSpec("P")


class LoopNs:
    """The time of the loop, and what a test adds to it."""

    added_ns = 0

    def __call__(self) -> int:
        now_s = asyncio.get_running_loop().time()
        return int(now_s * S) + self.added_ns

    def advance(self, seconds: float) -> None:
        self.added_ns += int(seconds * S)


@dataclass
class Replica:
    """One replica.

    Attributes:
        news: what watchers were told, in order.
        watched: clusters somebody watches.
    """

    store: EtcdStore
    clusters: Clusters
    news: list[tuple[str, Change]]
    watched: set[str]
    clock: LoopNs
    metrics: Metrics

    def get(self, key: RecordKey = A) -> Affiliate | None:
        return self.clusters.get(*key)

    def endpoints(self, key: RecordKey = A) -> list[bytes]:
        record = self.get(key)
        return [e.data for e in record.endpoints] if record else []

    def left_s(self, key: RecordKey = A) -> float:
        """Seconds a record still lives here."""
        record = self.get(key)
        assert record is not None
        return (record.expires_ns - self.clock()) / S

    async def update(
        self,
        *endpoints: bytes,
        data: bytes = b"",
        ttl_s: float = 60,
        key: RecordKey = A,
        patience_s: float = PATIENCE_S,
    ) -> None:
        submission = Submission(key.affiliate_id, data, endpoints, int(ttl_s * S))
        await self.store.update(key.cluster_id, submission, patience_s)

    async def delete(self, key: RecordKey = A, patience_s: float = PATIENCE_S) -> None:
        await self.store.delete(*key, patience_s)


@dataclass
class Shown:
    """What a client that watches one replica has seen."""

    record_by_key: dict[RecordKey, Affiliate] = field(default_factory=dict)

    def see(self, cluster_id: str, change: Change) -> None:
        key = RecordKey(cluster_id, change.affiliate_id)
        if change.affiliate is None:
            self.record_by_key.pop(key, None)
        else:
            self.record_by_key[key] = change.affiliate


@asynccontextmanager
async def a_replica(
    etcd: Etcd, *, is_awaited: bool = True, clusters_max: int = 100, **changes: Any
) -> AsyncIterator[Replica]:
    """Run a replica; by default it has read everything when this yields."""
    settings = replace(Settings(), gc_interval_s=0.01, **changes)
    clusters, clock, metrics = Clusters(clusters_max), LoopNs(), Metrics()
    news: list[tuple[str, Change]] = []
    watched: set[str] = set()
    surroundings = Surroundings(
        clusters,
        lambda cluster_id, change: news.append((cluster_id, change)),
        metrics,
        watched.__contains__,
        clock,
    )
    async with run_store(etcd, settings, surroundings) as store:
        if is_awaited:
            await asyncio.wait_for(store.link.wait_up(), PATIENCE_S)
        yield Replica(store, clusters, news, watched, clock, metrics)


async def until(is_met: Callable[[], object]) -> None:
    """Wait for a condition."""
    async with asyncio.timeout(PATIENCE_S):
        while not is_met():
            await asyncio.sleep(0.001)


def virtually(test: Callable[P, Coroutine[Any, Any, None]]) -> Callable[P, None]:
    """Run a test in virtual time."""

    @functools.wraps(test)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        run_virtually(test(*args, **kwargs))

    return run
