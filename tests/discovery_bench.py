"""One discovery client with a connection of ours, and what it published."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from kubespan.drivers.clock import SystemClock
from kubespan.drivers.discovery.cache import DiscoveryCache
from kubespan.drivers.discovery.client import DiscoveryClient
from kubespan.drivers.discovery.outlet import DiscoveryOutlet
from kubespan.drivers.discovery.seals import DiscoverySeals
from kubespan.drivers.discovery.service import Received
from kubespan.drivers.discovery.surroundings import DiscoveryHost, Subscription
from kubespan.model.affiliate import RegistryAffiliate
from kubespan.model.registry import RegistryStatus
from kubespan.protocol.discovery_records import SealedRecord, Update
from tests.builders import CLUSTER_ID, a_service, an_affiliate
from tests.discovery_builders import SECRET, QuickEntropy
from tests.fakes.discovery_connection import FakeConnection
from tests.fakes.publisher import FakePublisher

UPDATES = (Update("me", b"sealed"), Update("b", endpoints=(b"e" * 16,)))


def a_record(node_id: str, hostname: str = "") -> SealedRecord:
    affiliate = an_affiliate(node_id, hostname=hostname)
    update = DiscoverySeals(SECRET).seal_own(affiliate, bytes(12))
    return SealedRecord(node_id, update.data, update.endpoints)


class Bench:
    """One client, its connection, and what it published."""

    def __init__(self, state_dir: Path) -> None:
        self.state_dir = state_dir
        self.connection = FakeConnection()
        self.publisher = FakePublisher()
        self.host = DiscoveryHost(
            clock=SystemClock(),
            entropy=QuickEntropy(),
            state_dir=state_dir,
            environment={},
            connect=self.connection.connect,
            ttl_s=1800,
            client_version="v1.0.0",
        )
        self.client = self.new_client()

    def new_client(self) -> DiscoveryClient:
        subscription = Subscription(a_service(), CLUSTER_ID, SECRET, "me")
        outlet = DiscoveryOutlet("default", self.publisher)
        return DiscoveryClient(subscription, self.host, outlet)

    @property
    def cache(self) -> DiscoveryCache:
        return DiscoveryCache(self.state_dir, "default", CLUSTER_ID)

    @property
    def status(self) -> RegistryStatus:
        (status,) = self.publisher.said[RegistryStatus].values()
        assert isinstance(status, RegistryStatus)
        return status

    @property
    def known(self) -> list[str]:
        return sorted(self.publisher.said[RegistryAffiliate])

    def receive(self, *records: SealedRecord, deleted: bool = False) -> None:
        self.connection.messages.put_nowait(Received(records, deleted))

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        self.client.begin()
        async with asyncio.TaskGroup() as group:
            task = group.create_task(self.client.run())
            try:
                yield
            finally:
                task.cancel()
