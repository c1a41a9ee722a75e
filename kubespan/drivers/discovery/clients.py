"""All discovery services at once: one client each, none in the way of another."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from kubespan import __version__
from kubespan.drivers.discovery.announcement import (
    DiscoveryAnnouncement,
    DiscoveryDesired,
)
from kubespan.drivers.discovery.client import DiscoveryClient
from kubespan.drivers.discovery.outlet import DiscoveryOutlet
from kubespan.drivers.discovery.service import connect
from kubespan.drivers.discovery.surroundings import (
    Connect,
    DiscoveryHost,
    Entropy,
    Subscription,
)
from kubespan.engine.edges import Publisher
from kubespan.engine.scheduler import Clock
from kubespan.model.affiliate import RegistryAffiliate
from kubespan.model.config import DiscoverySettings
from kubespan.model.constants import DISCOVERY_TTL_S
from kubespan.model.registry import PublicAddress, RegistryStatus

FIRST_DELIVERY_S: Final = 1.0
"""How long to wait to be told the services, before saying that nobody is known."""
STOP_S: Final = 2.0
DELETE_TIMEOUT_S: Final = 5.0


@dataclass(frozen=True, slots=True)
class _Running:
    subscription: Subscription
    client: DiscoveryClient
    task: asyncio.Task[None]


class DiscoveryClients:
    """The source of what services say, and the feed of what we say.

    :meth:`deliver` may be called before :meth:`run`; then the last known peers are
    published from the caches at once.

    Args:
        clock: the host's clocks.
        entropy: nonces and jitter.
        state_dir: where the caches live.
        environment: the process's, for proxies.
        ttl_s: how long services are to keep what is pushed.
        connect: opens connections.
    """

    def __init__(
        self,
        clock: Clock,
        entropy: Entropy,
        state_dir: Path,
        environment: Mapping[str, str],
        *,
        ttl_s: float = DISCOVERY_TTL_S,
        connect: Connect = connect,
    ) -> None:
        self._host = DiscoveryHost(
            clock=clock,
            entropy=entropy,
            state_dir=state_dir,
            environment=environment,
            connect=connect,
            ttl_s=ttl_s,
            client_version=f"v{__version__}",
        )
        self._desired: DiscoveryDesired | None = None
        self._announcement = DiscoveryAnnouncement(entropy)
        self._delivered = asyncio.Event()
        self._arranged = asyncio.Event()
        self._running: dict[str, _Running] = {}
        self._outlets: dict[str, DiscoveryOutlet] = {}

    def deliver(self, desired: DiscoveryDesired) -> None:
        """Note what is wanted from now on; never blocks."""
        if desired != self._desired:
            self._desired = desired
            self._delivered.set()

    async def run(self, publisher: Publisher) -> None:
        """Keep one client per service and publish what they hear, until cancelled.

        Publishes RegistryAffiliate, RegistryStatus and PublicAddress, each at once,
        from the caches or empty. Ends within 2 s; deletes nothing from any service.
        """
        publisher.replace(PublicAddress, ())
        await self._wait_for_first_delivery()
        self._outlets.clear()
        try:
            async with asyncio.TaskGroup() as group:
                while True:
                    self._delivered.clear()
                    await self._arrange(group, publisher)
                    publisher.patch(RegistryAffiliate)
                    publisher.patch(RegistryStatus)
                    self._arranged.set()
                    await self._delivered.wait()
        finally:
            self._running.clear()
            self._arranged.clear()

    async def delete_local(
        self, timeout_s: float = DELETE_TIMEOUT_S
    ) -> tuple[str, ...]:
        """Have our affiliate removed from all services, while :meth:`run` runs.

        Returns:
            The names of services that did not confirm it in time; sorted.
        """
        wanted = _subscriptions(self._desired) if self._desired else {}
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await self._arranged.wait()
                running = tuple(self._running.values())
                for item in running:
                    item.client.delete_local()
                for item in running:
                    await item.client.deleted.wait()
        confirmed = {
            name for name, item in self._running.items() if item.client.deleted.is_set()
        }
        return tuple(sorted(wanted.keys() - confirmed))

    async def _wait_for_first_delivery(self) -> None:
        try:
            async with asyncio.timeout(FIRST_DELIVERY_S):
                await self._delivered.wait()
        except TimeoutError:
            return

    async def _arrange(self, group: asyncio.TaskGroup, publisher: Publisher) -> None:
        """Start, stop and restart clients; those that need no change go on."""
        desired = self._desired
        if desired is None:
            return
        wanted = _subscriptions(desired)
        publisher.warn("settings", _unusable_text(desired.settings))
        for name, item in tuple(self._running.items()):
            if wanted.get(name) != item.subscription:
                await self._stop(name)
        for name in self._outlets.keys() - wanted.keys():
            self._outlets.pop(name).withdraw()
        changed = self._announcement.change(desired)
        publisher.warn("announcement", self._announcement.problem)
        for name, subscription in wanted.items():
            if name not in self._running:
                outlet = self._outlets.get(name) or DiscoveryOutlet(name, publisher)
                self._outlets[name] = outlet
                self._start(group, subscription, outlet)
            elif changed:
                self._running[name].client.change_local(self._announcement.updates)

    def _start(
        self,
        group: asyncio.TaskGroup,
        subscription: Subscription,
        outlet: DiscoveryOutlet,
    ) -> None:
        client = DiscoveryClient(subscription, self._host, outlet)
        client.begin()
        client.change_local(self._announcement.updates)
        name = subscription.service.name
        task = group.create_task(client.run(), name=f"discovery {name}")
        self._running[name] = _Running(subscription, client, task)

    async def _stop(self, name: str) -> None:
        task = self._running.pop(name).task
        task.cancel()
        await asyncio.wait({task}, timeout=STOP_S)


def _subscriptions(desired: DiscoveryDesired) -> dict[str, Subscription]:
    """Return what is to be followed, by service name; empty if anything is unknown."""
    settings = desired.settings
    if settings.cluster_secret is None or not settings.cluster_id:
        return {}
    if not desired.node_id:
        return {}
    return {
        service.name: Subscription(
            service, settings.cluster_id, settings.cluster_secret, desired.node_id
        )
        for service in settings.services
    }


def _unusable_text(settings: DiscoverySettings) -> str:
    if not settings.services:
        return ""
    if settings.cluster_secret is None or not settings.cluster_id:
        return "discovery services are configured, but no cluster ID and secret"
    return ""
