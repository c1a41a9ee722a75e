"""The Kubernetes registry: affiliates as annotations of Nodes, and our own Node.

Three conversations at most, each on its own, all with waits after failures: one keeps
the list of all Nodes, one our own Node (kubelet credentials may see no other), one
writes our annotations. Annotations stay when the registry is switched off, as Talos
leaves them.

Source:
    kubespan.md section 3.9.
"""

import asyncio
from collections.abc import Callable, Coroutine, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from kubespan.drivers.kubeconfig import AccessFinder, ApiAccess
from kubespan.drivers.kubernetes_annotations import AnnotationWriter
from kubespan.drivers.kubernetes_nodes import NodeFollower
from kubespan.engine.edges import Publisher
from kubespan.engine.scheduler import Clock
from kubespan.model.affiliate import Affiliate, Registry, RegistryAffiliate
from kubespan.model.config import Config
from kubespan.model.host import KubernetesNode
from kubespan.model.registry import RegistryStatus
from kubespan.wire.kubernetes import DecodedNode

SOURCE: Final = "kubernetes"


@dataclass(frozen=True, slots=True)
class KubernetesDesired:
    """What the registry is told.

    Attributes:
        affiliate: ours; None while it is not known or there is nothing to tell.
    """

    config: Config
    affiliate: Affiliate | None


@dataclass(frozen=True, slots=True)
class _Settings:
    """What makes conversations start anew when it changes.

    Attributes:
        pull: keep all Nodes and publish their affiliates.
        own_node: keep our own Node.
    """

    pull: bool = False
    own_node: bool = False
    kubeconfig: str = ""
    nodename: str = ""
    node_id: str = ""

    @classmethod
    def from_desired(cls, desired: KubernetesDesired) -> "_Settings":
        config, affiliate = desired.config, desired.affiliate
        if affiliate is None:
            return cls()
        pull = config.discovery.kubernetes_registry
        advertise = (
            config.kubespan.enabled and config.kubespan.advertise_kubernetes_networks
        )
        return cls(
            pull=pull,
            own_node=bool(affiliate.nodename) and (pull or advertise),
            kubeconfig=config.host.kubeconfig,
            nodename=affiliate.nodename,
            node_id=affiliate.node_id,
        )


class KubernetesRegistry:
    """A ``Source`` of affiliates and of our own Node, and a feed for our annotations.

    Args:
        clock: the host's clocks.
        jitter: returns a number within 0.0 <= x < 1.0.
        find_access: from the configured kubeconfig path to the way in; the usual
            places when left out.
    """

    def __init__(
        self,
        clock: Clock,
        jitter: Callable[[], float],
        find_access: Callable[[str], ApiAccess] | None = None,
    ) -> None:
        find_access = find_access or AccessFinder().find
        self._clock = clock
        self._jitter = jitter
        self._find_access = find_access
        self._settings = _Settings()
        self._settings_changed = asyncio.Event()
        self._writer = AnnotationWriter(clock, jitter, find_access)

    def deliver(self, desired: KubernetesDesired) -> None:
        """Take in what is desired; returns at once."""
        self._writer.deliver(desired.affiliate)
        settings = _Settings.from_desired(desired)
        if settings != self._settings:
            self._settings = settings
            self._settings_changed.set()

    async def run(self, publisher: Publisher) -> None:
        """Publish for ever; a ``Source``. What it says is decided at once, if empty."""
        publisher.replace(RegistryAffiliate, ())
        publisher.replace(RegistryStatus, ())
        publisher.replace(KubernetesNode, ())
        while True:
            self._settings_changed.clear()
            await self._converse(self._settings, publisher)

    async def _converse(self, settings: _Settings, publisher: Publisher) -> None:
        """Hold the conversations that are wanted, until the settings change."""
        voice = _Voice(settings, self._writer, publisher)
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(work, name=name)
                for name, work in self._conversations(settings, voice)
            ]
            await self._settings_changed.wait()
            for task in tasks:
                task.cancel()

    def _conversations(
        self, settings: _Settings, voice: "_Voice"
    ) -> Iterator[tuple[str, Coroutine[None, None, None]]]:
        name, kubeconfig = settings.nodename, settings.kubeconfig
        if settings.own_node:
            own = self._follower(kubeconfig, f"metadata.name={name}")
            yield "own node", own.run(lambda: voice.say_own_node(own))
        if not settings.pull:
            return
        every = self._follower(kubeconfig, "")
        yield "all nodes", every.run(lambda: voice.say_affiliates(every))
        if name:
            said = self._writer.run(name, kubeconfig, lambda: voice.say_status(every))
            yield "annotations", said

    def _follower(self, kubeconfig: str, selector: str) -> NodeFollower:
        return NodeFollower(
            self._clock, self._jitter, self._find_access, kubeconfig, selector
        )


class _Voice:
    """Publishes what the conversations learn, and withdraws what nobody wants."""

    def __init__(
        self, settings: _Settings, writer: AnnotationWriter, publisher: Publisher
    ) -> None:
        self._settings = settings
        self._writer = writer
        self._publisher = publisher
        self._generation = -1
        self._affiliates: tuple[RegistryAffiliate, ...] = ()
        self._skipped = 0
        if not settings.pull:
            publisher.replace(RegistryAffiliate, ())
            publisher.replace(RegistryStatus, ())
            publisher.warn("registry", "")
        if not settings.own_node:
            publisher.replace(KubernetesNode, ())
            publisher.warn("own node", "")

    def say_affiliates(self, follower: NodeFollower) -> None:
        """Publish affiliates, once a complete list is there, and the status."""
        nodes = follower.nodes
        if nodes.synced and nodes.generation != self._generation:
            self._generation = nodes.generation
            self._affiliates = self._others(nodes.objects)
            self._publisher.replace(RegistryAffiliate, self._affiliates)
        self.say_status(follower)

    def say_status(self, follower: NodeFollower) -> None:
        """Publish how reading and writing are going."""
        nodes = follower.nodes
        error = nodes.error or self._writer.error
        self._publisher.warn("registry", error)
        decoded = nodes.objects.values()
        status = RegistryStatus(
            registry=Registry.KUBERNETES,
            source=SOURCE,
            endpoint=follower.server,
            synced=nodes.synced,
            connected=nodes.connected,
            error=error,
            affiliates=len(self._affiliates),
            skipped=nodes.undecodable
            + self._skipped
            + sum(node.skipped for node in decoded),
            skipped_endpoints=sum(node.skipped_endpoints for node in decoded),
            next_attempt_ns=follower.next_attempt_ns,
            last_push_ns=self._writer.last_push_ns,
        )
        self._publisher.replace(RegistryStatus, (status,))

    def say_own_node(self, follower: NodeFollower) -> None:
        """Publish our own Node; while the API server is away, as it was last."""
        nodes = follower.nodes
        self._publisher.warn("own node", nodes.error)
        if not nodes.synced:
            return
        node = nodes.objects.get(self._settings.nodename)
        own = (KubernetesNode(node.name, node.pod_networks),) if node else ()
        self._publisher.replace(KubernetesNode, own)

    def _others(
        self, objects: Mapping[str, DecodedNode]
    ) -> tuple[RegistryAffiliate, ...]:
        """Return who takes part besides us; of two with one node ID the first name."""
        by_node_id: dict[str, RegistryAffiliate] = {}
        self._skipped = 0
        for name in sorted(objects):
            affiliate = objects[name].affiliate
            if affiliate is None or name == self._settings.nodename:
                continue
            # A copied Node, or somebody who claims to be us.
            node_id = affiliate.node_id
            if node_id == self._settings.node_id or node_id in by_node_id:
                self._skipped += 1
                continue
            said = RegistryAffiliate(Registry.KUBERNETES, SOURCE, affiliate)
            by_node_id[node_id] = said
        return tuple(by_node_id.values())
