"""One discovery service: carries out what the session orders, tells it what happened.

Calls run as tasks of their own and tell the session themselves; one loop carries out
commands and publishes, so that a burst of messages is published once.
"""

import asyncio
from collections.abc import Coroutine
from typing import Any, Final

from kubespan.drivers.discovery import Received
from kubespan.drivers.discovery_cache import DiscoveryCache
from kubespan.drivers.discovery_channel import CallFailed, Failure, Target
from kubespan.drivers.discovery_host import Connection, DiscoveryHost, Subscription
from kubespan.drivers.discovery_outlet import DiscoveryOutlet
from kubespan.drivers.discovery_seals import DiscoverySeals
from kubespan.errors import StateError, WireError
from kubespan.model.affiliate import Registry
from kubespan.model.registry import RegistryStatus
from kubespan.protocol.discovery_push import Delete, Push
from kubespan.protocol.discovery_records import (
    OpenedRecord,
    SealedRecord,
    Update,
    WatchMessage,
)
from kubespan.protocol.discovery_session import (
    Call,
    Disconnect,
    DiscoverySession,
    Hello,
    ListAll,
    OpenWatch,
)
from kubespan.wire.ip import decode_ip

LOOK_S: Final = 30.0
"""How long to sleep at most: while a host is suspended, timers stand still."""
CLOSE_S: Final = 1.0
CACHE_DELAY_S: Final = 1.0
MISSING_KEPT_NS: Final = 24 * 3600 * 10**9
"""A restart forgets who has been missing for longer."""
OPEN_AT_ONCE: Final = 64
"""Records opened before other tasks get their turn; some 3 ms."""


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
        self._seals = DiscoverySeals(subscription.secret)
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
        self._connection: Connection | None = None
        self._calls: set[asyncio.Task[None]] = set()
        self._wake = asyncio.Event()
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
        oldest_ns = self._host.clock.now_ns() - MISSING_KEPT_NS
        for record in kept:
            if not 0 < record.missing_since_ns < oldest_ns:
                opened = self._seals.open(record.sealed)
                self._session.roster.restored(opened, record.missing_since_ns)
        self._outlet.begin(self._session.roster.changes())
        self._publish_status()

    def change_local(self, updates: tuple[Update, ...]) -> None:
        """Announce something else from now on; empty announces nothing more."""
        self.deleted.clear()
        self._session.local_changed(updates, self._host.clock.now_s())
        self._wake.set()

    def delete_local(self) -> None:
        """Have our affiliate removed; :attr:`deleted` tells when it is."""
        self._session.delete_requested(self._host.clock.now_s())
        self._wake.set()

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
            await self._disconnect()
            self._save_last()

    async def _carry_out(self, group: asyncio.TaskGroup) -> None:
        self._session.woke(self._host.clock.now_s())
        for command in self._session.commands():
            if isinstance(command, Disconnect):
                await self._disconnect()
            else:
                task = group.create_task(self._tell_result(command))
                self._calls.add(task)
                task.add_done_callback(self._calls.discard)

    async def _wait(self) -> None:
        """Sleep until something happened or is due."""
        delay_s = self._session.due_s - self._host.clock.now_s()
        try:
            async with asyncio.timeout(min(max(delay_s, 0.0), LOOK_S)):
                await self._wake.wait()
        except TimeoutError:
            return
        self._wake.clear()

    async def _tell_result(self, command: Call) -> None:
        await self._work(command)
        self._wake.set()

    def _work(self, command: Call) -> Coroutine[Any, Any, None]:
        match command:
            case Hello():
                return self._greet(command)
            case OpenWatch():
                return self._watch()
            case Push():
                return self._push(command)
            case Delete():
                return self._delete(command)
            case ListAll():
                return self._list(command)

    @property
    def _open(self) -> Connection:
        if self._connection is None:
            raise CallFailed("call", "connection closed")
        return self._connection

    async def _greet(self, hello: Hello) -> None:
        service = self._subscription.service
        target = Target(
            hello.endpoint, service.plaintext, service.ca_file, self._host.ttl_s
        )
        try:
            self._connection = self._host.connect(
                target, self._subscription.cluster_id, self._host.environment
            )
            answer = await self._open.hello(self._host.client_version, hello.timeout_s)
        except CallFailed as error:
            self._session.hello_failed(error.reason, self._host.clock.now_s())
            return
        self._note_address(answer.client_ip)
        self._session.hello_answered(answer.redirect, self._host.clock.now_s())

    def _note_address(self, client_ip: bytes) -> None:
        """Publish our address as seen from there; no address changes nothing."""
        try:
            address = decode_ip(client_ip)
        except WireError:
            return
        if address is not None:
            self._outlet.publish_address(address)

    async def _watch(self) -> None:
        clock = self._host.clock
        reason = "the service ended the watch"
        try:
            async for received in self._open.watch():
                message = WatchMessage(
                    await self._open_records(received),
                    received.deleted,
                    received.unreadable,
                )
                self._session.watch_message(message, clock.now_s(), clock.now_ns())
                self._wake.set()
        except CallFailed as error:
            reason = error.reason
        self._session.watch_ended(reason, clock.now_s())

    async def _push(self, push: Push) -> None:
        clock = self._host.clock
        deadline_s = clock.now_s() + push.timeout_s
        problem = ""
        for update in push.updates:
            try:
                left_s = max(deadline_s - clock.now_s(), 0.001)
                await self._open.update(update, left_s)
            except CallFailed as error:
                if update is push.updates[0] or error.kind is Failure.LOST:
                    self._note_push_failure(error)
                    return
                # An endpoint we saw of somebody else is no reason to part.
                problem = f"endpoints seen of others: {error.reason}"
        self._session.pushed(clock.now_s(), clock.now_ns(), problem)

    async def _delete(self, delete: Delete) -> None:
        try:
            await self._open.delete(self._subscription.node_id, delete.timeout_s)
        except CallFailed as error:
            self._note_push_failure(error)
            return
        self._session.pushed(self._host.clock.now_s(), self._host.clock.now_ns())

    def _note_push_failure(self, error: CallFailed) -> None:
        now_s = self._host.clock.now_s()
        if error.kind is Failure.REFUSED:
            self._session.push_refused(error.reason, now_s)
        else:
            self._session.push_failed(error.reason, now_s)

    async def _list(self, command: ListAll) -> None:
        try:
            received = await self._open.list_all(command.timeout_s)
        except CallFailed:
            self._session.list_failed(self._host.clock.now_s())
            return
        records = await self._open_records(received)
        self._session.list_answered(records, self._host.clock.now_s())

    async def _open_records(self, received: Received) -> tuple[OpenedRecord, ...]:
        """Open what is new; the same bytes are never opened twice in a row."""
        opened = []
        for index, sealed in enumerate(received.records):
            opened.append(self._open_record(sealed, deleted=received.deleted))
            if index % OPEN_AT_ONCE == OPEN_AT_ONCE - 1:
                await asyncio.sleep(0)
        return tuple(opened)

    def _open_record(self, sealed: SealedRecord, *, deleted: bool) -> OpenedRecord:
        if deleted or not sealed.data:
            return OpenedRecord(sealed, None)
        known = self._session.roster.find(sealed.affiliate_id)
        if known is not None and known.sealed == sealed:
            return known
        return self._seals.open(sealed)

    async def _disconnect(self) -> None:
        calls = tuple(self._calls)
        for task in calls:
            task.cancel()
        if calls:
            await asyncio.wait(calls, timeout=CLOSE_S)
        connection, self._connection = self._connection, None
        if connection is not None:
            try:
                async with asyncio.timeout(CLOSE_S):
                    await connection.close()
            except TimeoutError:
                return

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
    return f"{count} nodes are described under more than one affiliate ID"
