"""Opens the store the operator chose."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from discovery.metrics.metrics import Metrics
from discovery.service.store import Announce, Store
from discovery.settings import Settings
from discovery.state.clusters import Clusters
from discovery.stores import memory_opening
from discovery.stores.etcd.opening import Surroundings, open_etcd_store


@asynccontextmanager
async def open_store(
    settings: Settings,
    clusters: Clusters,
    announce: Announce,
    metrics: Metrics,
    is_watched: Callable[[str], bool],
) -> AsyncIterator[Store]:
    """Load what was kept, yield the store, and leave everything kept behind.

    Args:
        settings: which store, and where.
        clusters: filled and from then on changed by the store alone.
        announce: told every change from then on, not what was loaded.
        metrics: counts loads, saves and sweeps.
        is_watched: whether somebody watches a cluster.
    """
    if settings.store == "etcd":
        surroundings = Surroundings(clusters, announce, metrics, is_watched)
        async with open_etcd_store(settings, surroundings) as store:
            yield store
        return
    around = memory_opening.Surroundings(clusters, announce, metrics, is_watched)
    async with memory_opening.open_memory_store(settings, around) as memory_store:
        yield memory_store
