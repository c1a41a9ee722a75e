"""Writes our annotations into our own Node, when they differ."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from kubespan.drivers.kubernetes.api import KubernetesApi
from kubespan.drivers.kubernetes.kubeconfig import ApiAccess
from kubespan.engine.scheduler import Clock
from kubespan.errors import DriverError
from kubespan.model.affiliate import Affiliate
from kubespan.protocol.backoff import Backoff
from kubespan.wire.kubernetes import annotation_patch, annotations_from_affiliate

RECHECK_S: Final = 600.0
"""How often the Node is looked at although nothing changed here."""


class AnnotationWriter:
    """Makes the Node say what our affiliate says.

    Args:
        find_access: from a kubeconfig path to the way in.

    Attributes:
        error: why the last attempt failed; empty when it did not.
        last_push_ns: wall clock when the Node last said the right thing; 0 if never.
    """

    def __init__(
        self,
        clock: Clock,
        jitter: Callable[[], float],
        find_access: Callable[[str], ApiAccess],
    ) -> None:
        self.error = ""
        self.last_push_ns = 0
        self._clock = clock
        self._backoff = Backoff(jitter)
        self._find_access = find_access
        self._affiliate: Affiliate | None = None
        self._wake = asyncio.Event()

    def deliver(self, affiliate: Affiliate | None) -> None:
        """Take in our affiliate; it is written soon. None leaves the Node as it is."""
        if affiliate != self._affiliate:
            self._affiliate = affiliate
            self._wake.set()

    async def run(
        self, nodename: str, kubeconfig: str, changed: Callable[[], None]
    ) -> None:
        """Write for ever; ``changed`` is called after each attempt."""
        while True:
            self._wake.clear()
            wait_s = await self._attempt(nodename, kubeconfig)
            changed()
            # Not wait_for: before Python 3.12 it swallows a cancellation that comes
            # together with the wake-up.
            with suppress(TimeoutError):
                async with asyncio.timeout(wait_s):
                    await self._wake.wait()

    async def _attempt(self, nodename: str, kubeconfig: str) -> float:
        """Write if needed; return how long to wait when nothing changes."""
        if self._affiliate is None:
            return RECHECK_S
        try:
            await self._write(nodename, kubeconfig, self._affiliate)
        except DriverError as error:
            self.error = str(error)
            return self._backoff.next_s()
        self.error = ""
        self.last_push_ns = self._clock.now_ns()
        self._backoff.reset()
        return RECHECK_S

    async def _write(
        self, nodename: str, kubeconfig: str, affiliate: Affiliate
    ) -> None:
        async with KubernetesApi(self._find_access(kubeconfig)) as api:
            node = await api.get_node(nodename)
            patch = annotation_patch(node, annotations_from_affiliate(affiliate))
            if patch is not None:
                await api.patch_node(nodename, patch)
