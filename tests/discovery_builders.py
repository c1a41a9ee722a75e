"""What tests of the discovery client share: a node, its clients, where they publish."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from discovery.api import cluster_pb2 as pb
from kubespan.drivers.clock import SystemClock
from kubespan.drivers.discovery.announcement import DiscoveryDesired
from kubespan.drivers.discovery.clients import DiscoveryClients
from kubespan.drivers.discovery.seals import DiscoverySeals
from kubespan.drivers.entropy import SystemEntropy
from kubespan.model.affiliate import Affiliate, RegistryAffiliate
from kubespan.model.config import DiscoveryService, DiscoverySettings
from kubespan.model.keys import SecretKey
from kubespan.model.peer import HarvestedEndpoint
from kubespan.model.registry import PublicAddress, RegistryStatus
from tests.builders import CLUSTER_ID, a_secret, an_affiliate
from tests.fakes.publisher import FakePublisher

PATIENCE_S = 10.0
SECRET = a_secret("cluster")


class QuickEntropy(SystemEntropy):
    """Random, but always the shortest wait."""

    def jitter(self) -> float:
        return 0.0


def a_plain_service(endpoint: str, name: str = "default") -> DiscoveryService:
    return DiscoveryService(name, endpoint, plaintext=True)


def settings_of(
    *services: DiscoveryService, secret: SecretKey = SECRET
) -> DiscoverySettings:
    return DiscoverySettings(CLUSTER_ID, secret, services)


def a_sealed_record(
    affiliate: Affiliate, affiliate_id: str = "", secret: SecretKey = SECRET
) -> pb.Affiliate:
    """A record as a node would push it."""
    update = DiscoverySeals(secret).seal_own(affiliate, bytes(12))
    return pb.Affiliate(
        id=affiliate_id or affiliate.node_id,
        data=update.data,
        endpoints=update.endpoints,
    )


class Node:
    """One node's clients, and what they published."""

    def __init__(self, node_id: str, state_dir: Path, **options: Any) -> None:
        self.node_id = node_id
        self.publisher = FakePublisher()
        self.clients = DiscoveryClients(
            SystemClock(),
            QuickEntropy(),
            state_dir,
            options.pop("environment", {}),
            **options,
        )

    def deliver(
        self,
        *services: DiscoveryService,
        local: Affiliate | None = None,
        harvested: tuple[HarvestedEndpoint, ...] = (),
        secret: SecretKey = SECRET,
    ) -> None:
        """Desire this; without ``local`` a node that announces nothing."""
        settings = settings_of(*services, secret=secret)
        desired = DiscoveryDesired(settings, local, self.node_id, harvested)
        self.clients.deliver(desired)

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Node"]:
        async with asyncio.TaskGroup() as group:
            task = group.create_task(self.clients.run(self.publisher))
            try:
                yield self
            finally:
                task.cancel()

    def said(self, kind: type) -> dict[str, Any]:
        return self.publisher.said.get(kind, {})

    @property
    def known(self) -> dict[str, str]:
        """One word per ``source/node ID``."""
        return {
            f"{item.source}/{item.affiliate.node_id}": (
                "missing" if item.missing else "listed"
            )
            for item in self.said(RegistryAffiliate).values()
        }

    def affiliate(self, node_id: str, source: str = "default") -> Affiliate:
        item = self.said(RegistryAffiliate)[f"service/{source}/{node_id}"]
        assert isinstance(item.affiliate, Affiliate)
        return item.affiliate

    def status(self, source: str = "default") -> RegistryStatus:
        found = self.said(RegistryStatus).get(f"service/{source}")
        return found or RegistryStatus("service", source, "")  # type: ignore[arg-type] # a stand-in

    @property
    def public_addresses(self) -> dict[str, str]:
        said = self.said(PublicAddress)
        return {key: str(item.address) for key, item in said.items()}

    async def until_connected(self, source: str = "default") -> None:
        await until(lambda: self.status(source).connected)


def a_node(name: str, state_dir: Path, **options: Any) -> tuple[Node, Affiliate]:
    """A node and what it would announce."""
    return Node(name, state_dir, **options), an_affiliate(name)


async def until(reached: Callable[[], Any], within_s: float = PATIENCE_S) -> None:
    """Wait for something to become true, looking often."""
    async with asyncio.timeout(within_s):
        while not reached():
            await asyncio.sleep(0.01)
