"""Puts the parts of the etcd store together and runs them."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from discovery.drivers.clock import monotonic_ns
from discovery.drivers.etcd.access import Etcd
from discovery.drivers.etcd.client import EtcdClient
from discovery.drivers.etcd.members import Members, TlsFiles
from discovery.metrics.metrics import Metrics
from discovery.service.store import Announce
from discovery.settings import Settings
from discovery.state.clusters import Clusters
from discovery.state.limits import NS_PER_S
from discovery.stores.etcd.follower import Follower
from discovery.stores.etcd.link import Link
from discovery.stores.etcd.listing import Listing
from discovery.stores.etcd.mirror import Mirror
from discovery.stores.etcd.places import Places
from discovery.stores.etcd.record_key import prefix_of_records
from discovery.stores.etcd.remembered import Remembered
from discovery.stores.etcd.store import EtcdStore
from discovery.stores.etcd.sweeper import Sweeper
from discovery.stores.etcd.turns import Turns
from discovery.stores.etcd.writer import Writer

# After an outage, other replicas get as long to write the refreshes they remember.
GRACE_S_MIN: Final = 10.0


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a store is given.

    Attributes:
        clusters: filled and from then on changed by the store alone.
        announce: told every change from then on, not what was loaded.
        metrics: counts refreshes and sweeps.
        is_watched: whether somebody watches a cluster.
        now_ns: monotonic clock.
    """

    clusters: Clusters
    announce: Announce
    metrics: Metrics
    is_watched: Callable[[str], bool]
    now_ns: Callable[[], int] = monotonic_ns


@asynccontextmanager
async def open_etcd_store(
    settings: Settings, surroundings: Surroundings
) -> AsyncIterator[EtcdStore]:
    """Yield the store once everything was read; wait for etcd as long as it takes.

    Raises:
        EtcdError: a TLS file is of no use.
    """
    tls = None
    if settings.etcd_ca_path is not None:
        tls = TlsFiles(
            settings.etcd_ca_path,
            settings.etcd_certificate_path,
            settings.etcd_key_path,
        )
    members = Members(settings.etcd_endpoints, tls)
    try:
        async with run_store(EtcdClient(members), settings, surroundings) as store:
            await store.link.wait_up()
            yield store
    finally:
        await members.close()


@asynccontextmanager
async def run_store(
    etcd: Etcd, settings: Settings, surroundings: Surroundings
) -> AsyncIterator[EtcdStore]:
    """Yield a store that has just begun to read, and keep it going."""
    now_ns = surroundings.now_ns
    prefix = prefix_of_records(settings.etcd_prefix)
    mirror = Mirror(surroundings.clusters, surroundings.announce, now_ns, prefix)
    grace_s = max(GRACE_S_MIN, settings.gc_interval_s)
    link = Link(now_ns, int(grace_s * NS_PER_S))
    writer = Writer(etcd, mirror, link, now_ns, prefix)
    turns = Turns()
    remembered = Remembered(mirror, writer, link, turns, now_ns)
    listing = Listing(etcd, mirror, remembered, now_ns, prefix)
    follower = Follower(etcd, mirror, listing, link, prefix)
    store = EtcdStore(
        clusters=surroundings.clusters,
        mirror=mirror,
        writer=writer,
        remembered=remembered,
        sweeper=Sweeper(
            mirror, writer, remembered, link, now_ns, settings.gc_interval_s
        ),
        link=link,
        turns=turns,
        places=Places(surroundings.clusters),
        metrics=surroundings.metrics,
        now_ns=now_ns,
        is_watched=surroundings.is_watched,
    )
    async with asyncio.TaskGroup() as group:
        tasks = [
            group.create_task(follower.run(), name="etcd follower"),
            group.create_task(remembered.run(), name="etcd remembered"),
        ]
        try:
            yield store
        finally:
            follower.stop()
            for task in tasks:
                task.cancel()
