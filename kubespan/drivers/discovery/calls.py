"""Carries out what a session orders on one connection, and tells it what came of it.

Every call is a task of its own; none raises, the session is told instead.

Source:
    kubespan.md section 3.6.
"""

import asyncio
from collections.abc import Coroutine
from typing import Any, Final

from kubespan.drivers.discovery.channel import CallFailed, Failure, Target
from kubespan.drivers.discovery.credentials import read_token
from kubespan.drivers.discovery.outlet import DiscoveryOutlet
from kubespan.drivers.discovery.seals import DiscoverySeals
from kubespan.drivers.discovery.service import Received
from kubespan.drivers.discovery.surroundings import (
    Connection,
    DiscoveryHost,
    Subscription,
)
from kubespan.errors import WireError
from kubespan.protocol.discovery_push import Delete, Push
from kubespan.protocol.discovery_records import (
    OpenedRecord,
    SealedRecord,
    WatchMessage,
)
from kubespan.protocol.discovery_session import (
    Call,
    Command,
    Disconnect,
    DiscoverySession,
    Hello,
    ListAll,
    OpenWatch,
)
from kubespan.wire.ip import decode_ip

CLOSE_S: Final = 1.0
OPEN_AT_ONCE: Final = 64
"""Records opened before other tasks get their turn; some 2 ms."""


class DiscoveryCalls:
    """The connection of one client, and the calls under way on it.

    Args:
        subscription: whom to call, for which cluster.
        host: clocks, and how to connect.
        session: told what happened.
        outlet: told our public address.

    Attributes:
        told: set whenever the session was told something.
    """

    def __init__(
        self,
        subscription: Subscription,
        host: DiscoveryHost,
        session: DiscoverySession,
        outlet: DiscoveryOutlet,
    ) -> None:
        self._subscription = subscription
        self._host = host
        self._session = session
        self._outlet = outlet
        self._seals = DiscoverySeals(subscription.secret)
        self._connection: Connection | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self.told = asyncio.Event()

    async def carry_out(self, command: Command, group: asyncio.TaskGroup) -> None:
        """Start a call in ``group``, or end all of them."""
        if isinstance(command, Disconnect):
            await self.disconnect()
            return
        task = group.create_task(self._call(command))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def disconnect(self) -> None:
        """End all calls and close the connection; bounded in time."""
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=CLOSE_S)
        connection, self._connection = self._connection, None
        if connection is not None:
            try:
                async with asyncio.timeout(CLOSE_S):
                    await connection.close()
            except TimeoutError:
                return

    async def _call(self, command: Call) -> None:
        await self._work(command)
        self.told.set()

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
        """The connection, while there is one."""
        if self._connection is None:
            raise CallFailed("call", "connection closed")
        return self._connection

    async def _greet(self, hello: Hello) -> None:
        service = self._subscription.service
        try:
            target = Target(
                hello.endpoint,
                service.plaintext,
                service.ca_file,
                self._host.ttl_s,
                certificate_file=service.certificate_file,
                token=read_token(service),
            )
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
                self.told.set()
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
