"""The Kubernetes registry: affiliates as annotations of Nodes, and our own Node.

Three conversations at most, each on its own, all with waits after failures: one keeps
the list of all Nodes, one our own Node (kubelet credentials may see no other), one
writes our annotations. Annotations stay when the registry is switched off, as Talos
leaves them.

What was learnt last is on disk: a start while the API server is away withdraws neither
our pod networks nor the other nodes.

Source:
    kubespan.md section 3.9.
"""

import asyncio
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from kubespan.drivers.kubernetes.annotations import AnnotationWriter
from kubespan.drivers.kubernetes.cache import KubernetesCache
from kubespan.drivers.kubernetes.kubeconfig import AccessFinder, ApiAccess
from kubespan.drivers.kubernetes.nodes import NodeFollower
from kubespan.engine.edges import Publisher
from kubespan.engine.scheduler import Clock
from kubespan.engine.waiting import wait_at_most
from kubespan.errors import StateError
from kubespan.model.affiliate import Affiliate, Registry, RegistryAffiliate
from kubespan.model.config import Config
from kubespan.model.host import KubernetesNode
from kubespan.model.registry import RegistryStatus
from kubespan.wire.kubernetes import DecodedNode

SOURCE: Final = "kubernetes"
CACHE: Final = "cache"
OWN_NODE_CACHE: Final = "own node cache"
FIRST_DELIVERY_S: Final = 1.0
"""How long to wait to be told the settings, before saying that nobody is known."""


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
    cluster_id: str = ""

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
            cluster_id=config.discovery.cluster_id,
        )


class KubernetesRegistry:
    """A ``Source`` of affiliates and of our own Node, and a feed for our annotations.

    Args:
        clock: the host's clocks.
        jitter: returns a number within 0.0 <= x < 1.0.
        state_dir: where what was learnt is kept.
        find_access: from the configured kubeconfig path to the way in; the usual
            places when left out.
    """

    def __init__(
        self,
        clock: Clock,
        jitter: Callable[[], float],
        state_dir: Path,
        find_access: Callable[[str], ApiAccess] | None = None,
    ) -> None:
        find_access = find_access or AccessFinder().find
        self._clock = clock
        self._jitter = jitter
        self._find_access = find_access
        self._cache = KubernetesCache(state_dir)
        self._settings: _Settings | None = None
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
        """Publish for ever; a ``Source``.

        Our own Node is said at once, from disk, since what is delivered here is made
        of it; of the others nothing is said before the first delivery, or 1 s.
        """
        outlet = _Outlet(publisher, self._cache, self._writer)
        outlet.recall_own_node()
        publisher.replace(RegistryStatus, ())
        if self._settings is None:
            await wait_at_most(self._settings_changed, FIRST_DELIVERY_S)
        if self._settings is None:
            publisher.replace(RegistryAffiliate, ())
            await self._settings_changed.wait()
        while self._settings is not None:
            self._settings_changed.clear()
            await self._converse(self._settings, outlet)

    async def _converse(self, settings: _Settings, outlet: "_Outlet") -> None:
        """Hold the conversations that are wanted, until the settings change."""
        outlet.begin(settings)
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(work, name=name)
                for name, work in self._conversations(settings, outlet)
            ]
            await self._settings_changed.wait()
            for task in tasks:
                task.cancel()

    def _conversations(
        self, settings: _Settings, outlet: "_Outlet"
    ) -> Iterator[tuple[str, Coroutine[None, None, None]]]:
        name, kubeconfig = settings.nodename, settings.kubeconfig
        if settings.own_node:
            own = self._follower(kubeconfig, f"metadata.name={name}")
            yield "own node", own.run(lambda: outlet.say_own_node(own))
        if not settings.pull:
            return
        yield "cache", self._cache.run(outlet.warn_of_cache)
        every = self._follower(kubeconfig, "")
        yield "all nodes", every.run(lambda: outlet.say_affiliates(every))
        if name:
            said = self._writer.run(name, kubeconfig, lambda: outlet.say_status(every))
            yield "annotations", said

    def _follower(self, kubeconfig: str, selector: str) -> NodeFollower:
        return NodeFollower(
            self._clock, self._jitter, self._find_access, kubeconfig, selector
        )


class _Outlet:
    """Publishes what the conversations learn, and withdraws what nobody wants.

    What it published last stays published until something else is known; the same is
    on disk.
    """

    def __init__(
        self, publisher: Publisher, cache: KubernetesCache, writer: AnnotationWriter
    ) -> None:
        self._publisher = publisher
        self._cache = cache
        self._writer = writer
        self._settings: _Settings | None = None
        self._own_node: KubernetesNode | None = None
        self._generation = -1
        self._affiliates: tuple[RegistryAffiliate, ...] = ()
        self._skipped = 0

    def recall_own_node(self) -> None:
        """Publish our own Node as it was when the last run ended."""
        own = None
        with self._warning(OWN_NODE_CACHE):
            own = self._cache.load_node()
        self._publish_own_node(own)

    def begin(self, settings: _Settings) -> None:
        """Withdraw what is no longer wanted; at first recall the other nodes."""
        first, self._settings = self._settings is None, settings
        self._generation = -1
        if not settings.pull:
            self._withdraw_affiliates()
        elif first:
            self._recall_affiliates(settings)
        if not settings.own_node:
            self._change_own_node(None)
            self._publisher.warn("own node", "")
        elif self._own_node and self._own_node.name != settings.nodename:
            # the file stays until our Node is known: a host may get its name late
            self._publish_own_node(None)

    def say_affiliates(self, follower: NodeFollower) -> None:
        """Publish affiliates, once a complete list is there, and the status."""
        nodes = follower.nodes
        if nodes.synced and nodes.generation != self._generation and self._settings:
            self._generation = nodes.generation
            others = self._others(self._settings, nodes.objects)
            self._say_affiliates(others)
            self._cache.keep_affiliates(self._settings.cluster_id, others)
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
        if not nodes.synced or self._settings is None:
            return
        node = nodes.objects.get(self._settings.nodename)
        own = KubernetesNode(node.name, node.pod_networks) if node else None
        if own is None or own != self._own_node:
            self._change_own_node(own)

    def warn_of_cache(self, text: str) -> None:
        """Tell operators why the other nodes are not kept; empty withdraws it."""
        self._publisher.warn(CACHE, text)

    def _change_own_node(self, own: KubernetesNode | None) -> None:
        self._publish_own_node(own)
        with self._warning(OWN_NODE_CACHE):
            self._cache.save_node(own)

    def _publish_own_node(self, own: KubernetesNode | None) -> None:
        self._own_node = own
        self._publisher.replace(KubernetesNode, (own,) if own else ())

    def _recall_affiliates(self, settings: _Settings) -> None:
        affiliates: tuple[Affiliate, ...] = ()
        with self._warning(CACHE):
            affiliates = self._cache.load_affiliates(settings.cluster_id)
        self._say_affiliates(affiliates)

    def _say_affiliates(self, affiliates: tuple[Affiliate, ...]) -> None:
        self._affiliates = tuple(
            RegistryAffiliate(Registry.KUBERNETES, SOURCE, affiliate)
            for affiliate in affiliates
        )
        self._publisher.replace(RegistryAffiliate, self._affiliates)

    def _withdraw_affiliates(self) -> None:
        self._say_affiliates(())
        self._publisher.replace(RegistryStatus, ())
        self._publisher.warn("registry", "")
        with self._warning(CACHE):
            self._cache.forget_affiliates()

    def _others(
        self, settings: _Settings, objects: Mapping[str, DecodedNode]
    ) -> tuple[Affiliate, ...]:
        """Return who takes part besides us; of two with one node ID the first name."""
        by_node_id: dict[str, Affiliate] = {}
        self._skipped = 0
        for name in sorted(objects):
            affiliate = objects[name].affiliate
            if affiliate is None or name == settings.nodename:
                continue
            # A copied Node, or somebody who claims to be us.
            node_id = affiliate.node_id
            if node_id == settings.node_id or node_id in by_node_id:
                self._skipped += 1
                continue
            by_node_id[node_id] = affiliate
        return tuple(by_node_id.values())

    @contextmanager
    def _warning(self, subject: str) -> Iterator[None]:
        """Tell operators of a file that cannot be used; nothing else depends on it."""
        problem = ""
        try:
            yield
        except StateError as error:
            problem = str(error)
        self._publisher.warn(subject, problem)
