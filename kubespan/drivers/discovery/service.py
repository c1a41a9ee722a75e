"""The five calls of a discovery service: plain values in, plain values out.

The only file that knows the service's messages.

Source:
    kubespan.md section 3.2; discovery.md section 1.
"""

from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final, TypeVar

import grpc
from google.protobuf.message import DecodeError, Message
from google.protobuf.unknown_fields import UnknownFieldSet

from discovery.api import cluster_pb2 as pb
from kubespan.drivers.discovery.channel import CallFailed, Target, explain, open_channel
from kubespan.model.constants import ID_MAX_BYTES
from kubespan.protocol.discovery_records import SealedRecord, Update
from kubespan.protocol.discovery_roster import ENTRIES_MAX

M = TypeVar("M", bound=Message)

SERVICE: Final = "/sidero.discovery.server.Cluster"
_AFFILIATES_FIELD: Final = 1
_DELETED_FIELD: Final = 2


@dataclass(frozen=True, slots=True)
class HelloAnswer:
    """What a service said of us.

    Attributes:
        redirect: where to go instead; empty to stay.
        client_ip: our address in binary form; may be empty, or no address at all.
    """

    redirect: str
    client_ip: bytes


@dataclass(frozen=True, slots=True)
class Received:
    """Records as they came.

    Attributes:
        deleted: the records are gone, and only their IDs are set.
        unreadable: how many more there were that made no sense.
    """

    records: tuple[SealedRecord, ...]
    deleted: bool = False
    unreadable: int = 0


class DiscoveryConnection:
    """One channel to one service, for one cluster.

    Every call raises ``CallFailed``, and nothing else, when it does not succeed.

    Args:
        channel: closed with :meth:`close`.
        cluster_id: used unmodified.
        ttl_s: how long the service is to keep what is pushed.
        token: shown with every call; empty shows none.
    """

    def __init__(
        self,
        channel: grpc.aio.Channel,
        cluster_id: str,
        ttl_s: float,
        token: str = "",
    ) -> None:
        self._channel = channel
        self._cluster_id = cluster_id
        self._ttl_s = ttl_s
        self._metadata = (("authorization", f"Bearer {token}"),) if token else ()

    async def hello(self, client_version: str, timeout_s: float) -> HelloAnswer:
        """Greet; the service tells our address and where to go instead."""
        request = pb.HelloRequest(
            cluster_id=self._cluster_id, client_version=client_version
        )
        raw = await self._call("Hello", request, timeout_s)
        answer = _decode("Hello", pb.HelloResponse, raw)
        return HelloAnswer(answer.redirect.endpoint, answer.client_ip)

    async def update(self, update: Update, timeout_s: float) -> None:
        """Tell the service of one affiliate; without data, of endpoints only."""
        request = pb.AffiliateUpdateRequest(
            cluster_id=self._cluster_id,
            affiliate_id=update.affiliate_id,
            affiliate_data=update.data or None,
            affiliate_endpoints=update.endpoints,
        )
        request.ttl.FromNanoseconds(int(self._ttl_s * 1e9))
        await self._call("AffiliateUpdate", request, timeout_s)

    async def delete(self, affiliate_id: str, timeout_s: float) -> None:
        """Remove one affiliate; one that is not there is no error."""
        request = pb.AffiliateDeleteRequest(
            cluster_id=self._cluster_id, affiliate_id=affiliate_id
        )
        await self._call("AffiliateDelete", request, timeout_s)

    async def list_all(self, timeout_s: float) -> Received:
        """Return everything the service has of the cluster."""
        request = pb.ListRequest(cluster_id=self._cluster_id)
        return received_from_bytes(await self._call("List", request, timeout_s))

    async def watch(self) -> AsyncIterator[Received]:
        """Yield a snapshot, then every change; ends when the service ends it."""
        request = pb.WatchRequest(cluster_id=self._cluster_id)
        method: Any = self._channel.unary_stream(f"{SERVICE}/Watch")
        try:
            call = method(request.SerializeToString(), metadata=self._metadata)
            async for raw in call:
                yield received_from_bytes(raw)
        except (grpc.RpcError, grpc.aio.UsageError) as error:
            raise explain("Watch", error) from error

    async def close(self) -> None:
        """Close the channel and end every call on it."""
        await self._channel.close()

    async def _call(self, name: str, request: Message, timeout_s: float) -> bytes:
        method: Any = self._channel.unary_unary(f"{SERVICE}/{name}")
        try:
            raw: bytes = await method(
                request.SerializeToString(), timeout=timeout_s, metadata=self._metadata
            )
        except (grpc.RpcError, grpc.aio.UsageError) as error:
            raise explain(name, error) from error
        return raw


def connect(
    target: Target, cluster_id: str, environment: Mapping[str, str]
) -> DiscoveryConnection:
    """Return a connection; nothing is sent before the first call.

    Raises:
        CallFailed: the endpoint, the CA file or the proxy cannot be used.
    """
    channel = open_channel(target, environment)
    return DiscoveryConnection(channel, cluster_id, target.ttl_s, target.token)


def received_from_bytes(raw: bytes) -> Received:
    """Return the records of a Watch or List response; a bad one spoils no other.

    Raises:
        CallFailed: no response at all.
    """
    try:
        message = pb.WatchResponse.FromString(raw)
    except DecodeError:
        return _salvage(raw)
    return _received(message.affiliates, message.deleted, 0)


def _received(
    affiliates: Iterable[pb.Affiliate], deleted: bool, unreadable: int
) -> Received:
    records = []
    for affiliate in islice(affiliates, ENTRIES_MAX):
        if 1 <= len(affiliate.id.encode()) <= ID_MAX_BYTES:
            endpoints = tuple(affiliate.endpoints)
            records.append(SealedRecord(affiliate.id, affiliate.data, endpoints))
        else:
            unreadable += 1
    return Received(tuple(records), deleted, unreadable)


def _salvage(raw: bytes) -> Received:
    """Read record by record: some services pass on IDs that are not UTF-8."""
    message = _decode("Watch", pb.AffiliateUpdateResponse, raw)
    fields: Any = UnknownFieldSet(message)
    affiliates, deleted, unreadable = [], False, 0
    for field in fields:
        if field.field_number == _DELETED_FIELD:
            deleted = bool(field.data)
        elif field.field_number == _AFFILIATES_FIELD:
            try:
                affiliates.append(pb.Affiliate.FromString(field.data))
            except (DecodeError, TypeError):
                unreadable += 1
    return _received(affiliates, deleted, unreadable)


def _decode(name: str, kind: type[M], raw: bytes) -> M:
    try:
        return kind.FromString(raw)
    except DecodeError as error:
        raise CallFailed(name, "the answer makes no sense") from error
