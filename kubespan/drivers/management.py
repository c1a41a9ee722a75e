"""Answers operators: the management API on a unix socket, read from the store."""

import asyncio
import grp
import logging
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import grpc
from google.protobuf.timestamp_pb2 import Timestamp

from kubespan.api import management_pb2 as pb
from kubespan.api import management_pb2_grpc
from kubespan.api.types import TYPES, Shown, TypeInfo, describe_type, find_types
from kubespan.drivers.socket_path import require_free
from kubespan.engine.store import Entry, Event, EventType, Store
from kubespan.errors import DriverError

log = logging.getLogger(__name__)

SOCKET_GROUP = "kubespan"
WATCHES_MAX = 64
REQUEST_MAX_BYTES = 64 * 1024
NS_PER_S = 1_000_000_000

_EVENTS = {
    EventType.CREATED: pb.WatchEvent.CREATED,
    EventType.UPDATED: pb.WatchEvent.UPDATED,
    EventType.DESTROYED: pb.WatchEvent.DESTROYED,
}

Context = grpc.aio.ServicerContext[Any, Any]


class ManagementService(management_pb2_grpc.ManagementServicer):
    """Reads the store for operators; changes nothing.

    Args:
        store: what there is.
        node: how this node is called in answers.
    """

    def __init__(self, store: Store, node: str) -> None:
        self._store = store
        self._node = node
        self._watches: set[_Watch] = set()

    def stop(self) -> None:
        """End every watch; the streams finish with OK."""
        for watch in tuple(self._watches):
            watch.stop()

    async def Types(  # noqa: N802 - the name is the RPC's
        self, _request: pb.TypesRequest, _context: Context
    ) -> pb.TypesResponse:
        """Return the types this daemon serves."""
        return pb.TypesResponse(types=map(describe_type, TYPES))

    async def List(  # noqa: N802 - the name is the RPC's
        self, request: pb.ListRequest, context: Context
    ) -> pb.ListResponse:
        """Return all resources of a type in one namespace, sorted by ID."""
        found = await _find_type(request.type, context)
        resources = self._resources(found, request.namespace or found.namespace)
        return pb.ListResponse(
            node=self._node, type=describe_type(found), resources=resources
        )

    async def Get(  # noqa: N802 - the name is the RPC's
        self, request: pb.GetRequest, context: Context
    ) -> pb.GetResponse:
        """Return one resource."""
        found = await _find_type(request.type, context)
        for resource in self._resources(found, request.namespace or found.namespace):
            if resource.metadata.id == request.id:
                return pb.GetResponse(
                    node=self._node, type=describe_type(found), resource=resource
                )
        text = f"there is no {found.display_name} with ID {request.id!r}"
        await context.abort(grpc.StatusCode.NOT_FOUND, text)
        raise AssertionError  # abort never returns

    async def Watch(  # noqa: N802 - the name is the RPC's
        self, request: pb.WatchRequest, context: Context
    ) -> AsyncIterator[pb.WatchEvent]:
        """Send what there is, then what changes; a slow reader gets the newest only."""
        found = await _find_type(request.type, context)
        if len(self._watches) >= WATCHES_MAX:
            text = f"there are already {WATCHES_MAX} watches"
            await context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, text)
        watch = _Watch(found, request.namespace or found.namespace, request.id)
        self._watches.add(watch)
        unwatch = self._store.watch(watch.on_events)
        try:
            described = describe_type(found)
            for resource in self._resources(found, watch.namespace):
                if request.id in ("", resource.metadata.id):
                    yield pb.WatchEvent(
                        event=pb.WatchEvent.CREATED,
                        node=self._node,
                        type=described,
                        resource=resource,
                    )
            yield pb.WatchEvent(
                event=pb.WatchEvent.BOOTSTRAPPED, node=self._node, type=described
            )
            async for event in watch.events():
                event.node = self._node
                event.type.CopyFrom(described)
                yield event
        finally:
            unwatch()
            self._watches.discard(watch)

    def _resources(self, found: TypeInfo, namespace: str) -> list[pb.Resource]:
        resources = {
            resource.metadata.id: resource
            for shown in found.shown
            if shown.namespace == namespace
            for entry in self._store.entries(shown.kind).values()
            if (resource := _resource(found, shown, entry))
        }
        return [resources[key] for key in sorted(resources)]


class _Watch:
    """What one watcher has still to be told: the newest state of each resource."""

    def __init__(self, found: TypeInfo, namespace: str, wanted_id: str) -> None:
        self.namespace = namespace
        self._found = found
        self._id = wanted_id
        self._pending: dict[str, tuple[EventType, Shown, Entry[Any]]] = {}
        self._news = asyncio.Event()
        self._stopped = False

    def on_events(self, events: tuple[Event, ...]) -> None:
        """Note changes of the watched type; bounded by the number of resources."""
        for event in events:
            for shown in self._found.shown:
                if shown.kind is event.kind and shown.namespace == self.namespace:
                    key = shown.id or event.entry.value.key
                    self._pending[key] = (event.type, shown, event.entry)
                    self._news.set()

    def stop(self) -> None:
        """Let ``events`` end after what is pending."""
        self._stopped = True
        self._news.set()

    async def events(self) -> AsyncIterator[pb.WatchEvent]:
        """Yield changes until stopped."""
        while not self._stopped:
            await self._news.wait()
            for event in self._take():
                yield event

    def _take(self) -> Iterator[pb.WatchEvent]:
        pending, self._pending = self._pending, {}
        self._news.clear()
        for key, (kind, shown, entry) in pending.items():
            if self._id in ("", key):
                resource = _resource(self._found, shown, entry)
                yield pb.WatchEvent(event=_EVENTS[kind], resource=resource)


class ManagementServer:
    """The management API on a unix socket.

    Args:
        service: what answers.
        socket: path; readable and writable by root, and by the group ``kubespan``
            where the host has one.
    """

    def __init__(self, service: ManagementService, socket: Path) -> None:
        self._service = service
        self._socket = socket
        self._server: grpc.aio.Server | None = None

    async def start(self) -> None:
        """Listen.

        Raises:
            DriverError: the socket cannot be made.
        """
        require_free(self._socket)
        server = grpc.aio.server(
            options=[
                ("grpc.max_receive_message_length", REQUEST_MAX_BYTES),
                ("grpc.so_reuseport", 0),
            ]
        )
        management_pb2_grpc.add_ManagementServicer_to_server(self._service, server)  # type: ignore[no-untyped-call]  # generated
        operation = f"listen on {self._socket}"
        old_umask = os.umask(0o177)
        try:
            self._make_directory(old_umask)
            server.add_insecure_port(f"unix:{self._socket}")
            await server.start()
            self._open_to_group()
        except (OSError, RuntimeError) as error:
            raise DriverError(operation, str(error)) from error
        finally:
            os.umask(old_umask)
        self._server = server

    async def stop(self, grace_s: float = 1.0) -> None:
        """End watches, answer what is under way, remove the socket."""
        self._service.stop()
        if self._server is not None:
            await self._server.stop(grace_s)
            self._server = None
        with suppress(OSError):
            self._socket.unlink()

    def _make_directory(self, umask: int) -> None:
        os.umask(umask)
        self._socket.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        os.umask(0o177)

    def _open_to_group(self) -> None:
        try:
            group = grp.getgrnam(SOCKET_GROUP)
        except KeyError:
            return
        os.chown(self._socket, -1, group.gr_gid)
        self._socket.chmod(0o660)


async def _find_type(name: str, context: Context) -> TypeInfo:
    found = find_types(name)
    if len(found) == 1:
        return found[0]
    if found:
        names = ", ".join(one.name for one in found)
        text = f"{name!r} may mean {names}"
    else:
        known = ", ".join(sorted(one.name.split(".")[0].lower() for one in TYPES))
        text = f"there is no resource type {name!r}; there are {known}"
    await context.abort(grpc.StatusCode.INVALID_ARGUMENT, text)
    raise AssertionError  # abort never returns


def _resource(found: TypeInfo, shown: Shown, entry: Entry[Any]) -> pb.Resource:
    metadata = pb.Metadata(
        namespace=shown.namespace,
        type=found.name,
        id=shown.id or entry.value.key,
        version=entry.version,
        owner=entry.owner,
        created=_timestamp(entry.created_ns),
        updated=_timestamp(entry.updated_ns),
    )
    spec: dict[str, Any] = {shown.field: shown.message(entry.value)}
    return pb.Resource(metadata=metadata, **spec)


def _timestamp(wall_ns: int) -> Timestamp:
    return Timestamp(seconds=wall_ns // NS_PER_S, nanos=wall_ns % NS_PER_S)
