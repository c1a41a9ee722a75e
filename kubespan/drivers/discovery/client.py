"""One discovery service: a session, its calls, its cache, and what they amount to.

Calls tell the session themselves; one loop carries out its commands and publishes, so
that a burst of messages is published once.
"""

import asyncio
from typing import Final

from kubespan.drivers.discovery.cache import DiscoveryCache
from kubespan.drivers.discovery.calls import DiscoveryCalls
from kubespan.drivers.discovery.outlet import DiscoveryOutlet
from kubespan.drivers.discovery.seals import DiscoverySeals
from kubespan.drivers.discovery.surroundings import DiscoveryHost, Subscription
from kubespan.errors import StateError
from kubespan.model.affiliate import Registry
from kubespan.model.registry import RegistryStatus
from kubespan.protocol.discovery_records import Update
from kubespan.protocol.discovery_session import DiscoverySession

LOOK_S: Final = 30.0
"""How long to sleep at most: while a host is suspended, timers stand still."""
CACHE_DELAY_S: Final = 1.0
SHARED_ID: Final = (
    "another host publishes under our node ID; if one of the two is a copy of the"
    " other, stop one and move its state directory away"
)
MISSING_KEPT_NS: Final = 24 * 3600 * 10**9
"""A restart forgets who has been missing for longer."""


class DiscoveryClient:
    """Follows one subscription for as long as it runs.

    Attributes:
        deleted: set once the service accepted the deletion of our affiliate.
    """

    def __init__(
        self, subscription: Subscription, host: DiscoveryHost, outlet: DiscoveryOutlet
    ) -> None:
        service = subscription.service
        self._subscription = subscription
        self._host = host
        self._outlet = outlet
        self._cache = DiscoveryCache(
            host.state_dir, service.name, subscription.cluster_id
        )
        self._session = DiscoverySession(
            service.endpoint,
            subscription.node_id,
            host.ttl_s,
            host.entropy.jitter,
            host.clock.now_s(),
        )
        self._calls = DiscoveryCalls(subscription, host, self._session, outlet)
        self._changed = asyncio.Event()
        self._unsaved = False
        self._saves = 0
        self._next_attempt: tuple[float | None, int] = (None, 0)
        self.deleted = asyncio.Event()

    def begin(self) -> None:
        """Publish what the cache holds, before anything was heard."""
        try:
            kept = self._cache.load()
            self._outlet.warn("cache", "")
        except StateError as error:
            kept = ()
            self._outlet.warn("cache", str(error))
        seals = DiscoverySeals(self._subscription.secret)
        oldest_ns = self._host.clock.now_ns() - MISSING_KEPT_NS
        for record in kept:
            if not 0 < record.missing_since_ns < oldest_ns:
                opened = seals.open(record.sealed)
                self._session.roster.restored(opened, record.missing_since_ns)
        self._outlet.begin(self._session.roster.changes())
        self._publish_status()

    def change_local(self, updates: tuple[Update, ...]) -> None:
        """Announce something else from now on; empty announces nothing more."""
        self.deleted.clear()
        self._session.local_changed(updates, self._host.clock.now_s())
        self._calls.told.set()

    def delete_local(self) -> None:
        """Have our affiliate removed; :attr:`deleted` tells when it is."""
        self._session.delete_requested(self._host.clock.now_s())
        self._calls.told.set()

    async def run(self) -> None:
        """Converse until cancelled; ends within 2 s then, and deletes nothing."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._keep_cache(), name="discovery cache")
                while True:
                    await self._carry_out(group)
                    self._publish()
                    await self._wait()
        finally:
            await self._calls.disconnect()
            self._save_last()

    async def _carry_out(self, group: asyncio.TaskGroup) -> None:
        self._session.woke(self._host.clock.now_s())
        for command in self._session.commands():
            await self._calls.carry_out(command, group)

    async def _wait(self) -> None:
        """Sleep until something happened or is due."""
        delay_s = self._session.due_s - self._host.clock.now_s()
        try:
            async with asyncio.timeout(min(max(delay_s, 0.0), LOOK_S)):
                await self._calls.told.wait()
        except TimeoutError:
            return
        self._calls.told.clear()

    def _publish(self) -> None:
        if changes := self._session.roster.changes():
            self._outlet.publish_affiliates(changes)
            self._unsaved = True
            self._changed.set()
        self._publish_status()
        if self._session.deleted:
            self.deleted.set()

    def _publish_status(self) -> None:
        session, roster = self._session, self._session.roster
        self._outlet.publish_status(
            RegistryStatus(
                registry=Registry.SERVICE,
                source=self._subscription.service.name,
                endpoint=session.endpoint,
                synced=session.synced,
                connected=session.connected,
                error=session.error,
                affiliates=roster.affiliates,
                skipped=roster.skipped,
                skipped_endpoints=roster.skipped_endpoints,
                next_attempt_ns=self._next_attempt_ns(),
                last_push_ns=session.last_push_ns,
            )
        )
        self._outlet.warn("connection", session.error)
        self._outlet.warn("claims", _contested_text(roster.contested))
        shared = session.is_id_shared(self._host.clock.now_s())
        self._outlet.warn("identity", SHARED_ID if shared else "")

    def _next_attempt_ns(self) -> int:
        """Return the wall clock of the next try, the same until it is made."""
        attempt_s = self._session.next_attempt_s
        if attempt_s != self._next_attempt[0]:
            clock = self._host.clock
            delay_s = 0.0 if attempt_s is None else attempt_s - clock.now_s()
            attempt_ns = clock.now_ns() + int(delay_s * 1e9)
            self._next_attempt = (attempt_s, 0 if attempt_s is None else attempt_ns)
        return self._next_attempt[1]

    async def _keep_cache(self) -> None:
        """Save a while after a change, so that many changes are saved once."""
        while True:
            await self._changed.wait()
            await asyncio.sleep(CACHE_DELAY_S)
            self._changed.clear()
            self._saves += 1
            kept = tuple(self._session.roster.kept_records())
            try:
                await asyncio.to_thread(self._cache.save, kept, self._saves)
            except StateError as error:
                self._outlet.warn("cache", str(error))
            else:
                self._outlet.warn("cache", "")
                self._unsaved = self._changed.is_set()

    def _save_last(self) -> None:
        if not self._unsaved:
            return
        try:
            kept = tuple(self._session.roster.kept_records())
            self._cache.save(kept, self._saves + 1)
        except StateError as error:
            self._outlet.warn("cache", str(error))


def _contested_text(count: int) -> str:
    if not count:
        return ""
    return f"{count} node ID(s) are used by more than one affiliate"
