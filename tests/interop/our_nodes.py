"""Nodes of ours in one cluster of a service that may remember earlier runs."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from kubespan.drivers.clock import SystemClock
from kubespan.drivers.discovery.announcement import DiscoveryDesired
from kubespan.drivers.discovery.channel import Target
from kubespan.drivers.discovery.clients import DiscoveryClients
from kubespan.drivers.discovery.service import DiscoveryConnection, connect
from kubespan.drivers.entropy import SystemEntropy
from kubespan.engine.resource import R
from kubespan.model.affiliate import Affiliate, KubeSpanAffiliate, RegistryAffiliate
from kubespan.model.config import DiscoveryService, DiscoverySettings
from kubespan.model.endpoint import Endpoint
from kubespan.model.keys import SecretKey
from kubespan.model.peer import HarvestedEndpoint
from kubespan.model.registry import PublicAddress, RegistryStatus
from tests.builders import an_affiliate
from tests.fakes.publisher import FakePublisher
from tests.interop.server_under_test import Server


class Cluster:
    """A new cluster: its ID and secret are random.

    Args:
        state_dir: where nodes keep what they know.
        name: what its ID ends with; the start is :attr:`run`.
        ttl_s: of what its nodes publish.
    """

    def __init__(self, state_dir: Path, name: str, ttl_s: float = 60.0) -> None:
        self.state_dir = state_dir
        self.run = secrets.token_hex(8)
        self.cluster_id = f"{self.run}/{name}"
        self.secret = SecretKey(secrets.token_bytes(32))
        self.ttl_s = ttl_s

    @asynccontextmanager
    async def node(self, name: str) -> AsyncIterator["OurNode"]:
        """Run a node; it asks nobody before it is told where."""
        node = OurNode(self, name)
        async with asyncio.TaskGroup() as group:
            task = group.create_task(node.clients.run(node.publisher))
            try:
                yield node
            finally:
                task.cancel()

    @asynccontextmanager
    async def nodes(
        self, count: int, *servers: Server
    ) -> AsyncIterator[list["OurNode"]]:
        """Run nodes called ``node-0`` and so on, each published."""
        async with AsyncExitStack() as stack:
            made = []
            for number in range(count):
                node = await stack.enter_async_context(self.node(f"node-{number}"))
                node.publish(*servers)
                made.append(node)
            yield made


class AttentivePublisher(FakePublisher):
    """Remembers what was said only for a moment.

    Attributes:
        lost: keys of affiliates that were removed, or missing, at any time.
    """

    def __init__(self) -> None:
        super().__init__()
        self.lost: set[str] = set()

    def patch(
        self, kind: type[R], put: Iterable[R] = (), remove: Iterable[str] = ()
    ) -> None:
        put, remove = tuple(put), tuple(remove)
        super().patch(kind, put, remove)
        self.lost.update(
            item.key
            for item in put
            if isinstance(item, RegistryAffiliate) and item.missing
        )
        self.lost.update(remove)


class OurNode:
    """One node's clients of discovery services, and what they said.

    Attributes:
        connections: how often it connected.
    """

    def __init__(self, cluster: Cluster, node_id: str) -> None:
        self.cluster = cluster
        self.node_id = node_id
        self.affiliate = an_affiliate(node_id)
        self.publisher = AttentivePublisher()
        self.connections = 0
        state_dir = cluster.state_dir / node_id
        state_dir.mkdir(exist_ok=True)
        self.clients = DiscoveryClients(
            SystemClock(),
            SystemEntropy(),
            state_dir,
            {},
            ttl_s=cluster.ttl_s,
            connect=self._connect,
        )

    def publish(
        self,
        *servers: Server,
        affiliate: Affiliate | None = None,
        harvested: tuple[HarvestedEndpoint, ...] = (),
    ) -> None:
        """Say this, or what was said last, at these services from now on."""
        self.affiliate = affiliate or self.affiliate
        services = tuple(
            DiscoveryService(
                f"service-{number}",
                server.address,
                plaintext=not server.tls,
                ca_file=server.ca,
            )
            for number, server in enumerate(servers)
        )
        settings = DiscoverySettings(
            self.cluster.cluster_id, self.cluster.secret, services
        )
        self.clients.deliver(
            DiscoveryDesired(settings, self.affiliate, self.node_id, harvested)
        )

    def with_endpoints(self, *endpoints: Endpoint) -> Affiliate:
        """What this node says, but for its endpoints."""
        part = replace(self.affiliate.kubespan, endpoints=endpoints)
        return replace(self.affiliate, kubespan=part)

    def find(self, node_id: str) -> Affiliate | None:
        """What this node knows of another; None if nothing, or if that is missing."""
        said = self._said(RegistryAffiliate).values()
        return next(
            (
                item.affiliate
                for item in said
                if item.affiliate.node_id == node_id and not item.missing
            ),
            None,
        )

    def mesh_part(self, node_id: str) -> KubeSpanAffiliate:
        """The mesh part of another; an empty one if that is not known."""
        found = self.find(node_id)
        return KubeSpanAffiliate() if found is None else found.kubespan

    @property
    def known(self) -> set[str]:
        """IDs of all others, the missing ones too."""
        said = self._said(RegistryAffiliate).values()
        return {item.affiliate.node_id for item in said}

    @property
    def status(self) -> RegistryStatus | None:
        """How its first service is doing."""
        return next(iter(self._said(RegistryStatus).values()), None)

    @property
    def is_connected(self) -> bool:
        """Whether its first service answers."""
        return self.status is not None and self.status.connected

    @property
    def public_addresses(self) -> list[str]:
        """Where services see it."""
        return [str(item.address) for item in self._said(PublicAddress).values()]

    def _said(self, kind: type) -> dict[str, Any]:
        return self.publisher.said.get(kind, {})

    def _connect(
        self, target: Target, cluster_id: str, environment: Any
    ) -> DiscoveryConnection:
        self.connections += 1
        return connect(target, cluster_id, environment)
