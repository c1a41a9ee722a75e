"""Keeps a list of Nodes current: ``protocol.kubernetes_watch`` over the network."""

import asyncio
from collections.abc import Callable

from kubespan.drivers.kubernetes.api import ApiRefusedError, KubernetesApi
from kubespan.drivers.kubernetes.kubeconfig import ApiAccess
from kubespan.engine.scheduler import Clock
from kubespan.errors import DriverError
from kubespan.protocol.backoff import Backoff
from kubespan.protocol.kubernetes_watch import ListObjects, ObjectWatch
from kubespan.wire.kubernetes import DecodedNode, decode_node


class NodeFollower:
    """Follows all Nodes, or those a field selector chooses.

    Args:
        find_access: from ``kubeconfig`` to the way in; asked again after each failure,
            because credentials are rotated.
        selector: field selector; empty for all Nodes.

    Attributes:
        nodes: what is known, and how it stands with the API server.
        server: URL in use; empty before the first attempt.
        next_attempt_ns: wall clock of the next try; 0 while all is well.
    """

    def __init__(
        self,
        clock: Clock,
        jitter: Callable[[], float],
        find_access: Callable[[str], ApiAccess],
        kubeconfig: str,
        selector: str,
    ) -> None:
        self.nodes: ObjectWatch[DecodedNode] = ObjectWatch(decode_node, Backoff(jitter))
        self.server = ""
        self.next_attempt_ns = 0
        self._clock = clock
        self._find_access = find_access
        self._kubeconfig = kubeconfig
        self._selector = selector

    async def run(self, changed: Callable[[], None]) -> None:
        """Follow for ever; ``changed`` is called when ``nodes`` may be different."""
        while True:
            try:
                access = self._find_access(self._kubeconfig)
                self.server = access.server
                async with KubernetesApi(access) as api:
                    await self._converse(api, changed)
            except ApiRefusedError as error:
                self.nodes.refused(str(error), self._clock.now_s(), error.status)
            except DriverError as error:
                self.nodes.connection_failed(str(error), self._clock.now_s())
            self._plan_next_attempt()
            changed()
            await self._pause()

    async def _converse(self, api: KubernetesApi, changed: Callable[[], None]) -> None:
        """List and watch until something fails."""
        while True:
            action = self.nodes.action
            if isinstance(action, ListObjects):
                page = await api.list_nodes(self._selector, action.continue_token)
                self.nodes.page_arrived(page, self._clock.now_s())
            else:
                await self._watch(api, action.resource_version, changed)
            self._plan_next_attempt()
            changed()
            await self._pause()

    async def _watch(
        self, api: KubernetesApi, version: str, changed: Callable[[], None]
    ) -> None:
        async with api.watch_nodes(self._selector, version) as events:
            self.nodes.watch_opened(self._clock.now_s())
            self.next_attempt_ns = 0
            changed()
            async for event in events:
                generation = self.nodes.generation
                if not self.nodes.event_arrived(event, self._clock.now_s()):
                    return
                if generation != self.nodes.generation:
                    changed()
        self.nodes.watch_ended(self._clock.now_s())

    def _plan_next_attempt(self) -> None:
        wait_s = self.nodes.due_s - self._clock.now_s()
        due_ns = self._clock.now_ns() + int(wait_s * 1e9)
        self.next_attempt_ns = due_ns if self.nodes.error else 0

    async def _pause(self) -> None:
        await asyncio.sleep(max(0.0, self.nodes.due_s - self._clock.now_s()))
