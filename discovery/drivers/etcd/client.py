"""An etcd cluster, through whichever of its members answers.

A call that one member fails is given to the next one; every write is guarded by the
revision of its key, so that one which happened twice happened once.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Final, TypeVar

import grpc
from google.protobuf.message import DecodeError, Message

from discovery.api import etcd_pb2 as pb
from discovery.drivers.etcd.access import Batch, Head, Outcome, Page, Stored
from discovery.drivers.etcd.failure import (
    DETAIL_CHARACTERS_MAX,
    Compacted,
    EtcdError,
    failure_from_grpc,
)
from discovery.drivers.etcd.members import Members
from discovery.drivers.etcd.requests import (
    batch_from_reply,
    delete_request,
    head_request,
    is_in_reply,
    outcome_from_reply,
    page_from_reply,
    page_request,
    past_request,
    put_request,
    watch_request,
)

CALL_S: Final = 2.0  # milliseconds if all is well; an election takes one to two seconds
PAGE_S: Final = 10.0
PAGE_KEYS: Final = 500
PAGE_DIVISOR: Final = 22  # 500, 22, 1

RANGE: Final = "/etcdserverpb.KV/Range"
TXN: Final = "/etcdserverpb.KV/Txn"
WATCH: Final = "/etcdserverpb.Watch/Watch"
# A member cut off from its leader says so at once, and ends its streams within seconds.
METADATA: Final = (("hasleader", "true"),)

Reply = TypeVar("Reply", bound=Message)


class EtcdClient:
    """The real ``Etcd``.

    Args:
        members: connections; closed by their owner.
    """

    def __init__(self, members: Members) -> None:
        self._members = members

    async def head(self, prefix: bytes) -> Head:
        """Ask any member where etcd is; the answer had a quorum."""
        member, reply = await self._ask(RANGE, head_request(prefix), pb.RangeResponse)
        return Head(member, reply.header.cluster_id, reply.header.revision)

    async def remembers(self, change: Stored) -> bool:
        """Tell whether a key was set so at that revision of etcd's history."""
        request = past_request(change)
        _, reply = await self._ask(RANGE, request, pb.RangeResponse)
        return is_in_reply(reply, change)

    async def probe(self, prefix: bytes, member: str) -> None:
        """Ask one member the same; raises if it is not well."""
        request = head_request(prefix)
        await self._ask_member(member, RANGE, request, pb.RangeResponse, CALL_S)

    async def pages(self, prefix: bytes) -> AsyncGenerator[Page, None]:
        """Read everything below a prefix, as of one instant; at least one page."""
        revision, after, more, limit = 0, b"", True, PAGE_KEYS
        while more:
            request = page_request(prefix, after, revision, limit)
            try:
                _, reply = await self._ask(RANGE, request, pb.RangeResponse, PAGE_S)
            except EtcdError as error:
                if not error.is_too_much or limit == 1:
                    raise
                limit //= PAGE_DIVISOR  # somebody keeps large values here
                continue
            page = page_from_reply(reply, revision)
            yield page
            more = reply.more and bool(page.keys)
            revision = page.revision
            after = page.keys[-1].key if page.keys else after

    async def watch(
        self, prefix: bytes, revision: int, member: str
    ) -> AsyncGenerator[Batch, None]:
        """Tell every change below a prefix, from a revision on; first an empty batch.

        Raises:
            Compacted: etcd has forgotten changes since then.
        """
        request = watch_request(prefix, revision)
        stream: grpc.aio.StreamStreamCall[bytes, bytes] = self._members.channel(
            member
        ).stream_stream(WATCH)(metadata=METADATA)
        try:
            async with asyncio.timeout(CALL_S):
                await stream.write(request.SerializeToString())
                first = await stream.read()
            yield _batch_from_raw(member, first)
            while True:
                yield _batch_from_raw(member, await stream.read())
        except TimeoutError:
            raise EtcdError(f"{member}: no answer in time") from None
        except grpc.aio.AioRpcError as error:
            raise failure_from_grpc(member, error) from error
        except asyncio.InvalidStateError as error:  # it had ended before it began
            raise EtcdError(f"{member}: the watch ended") from error
        finally:
            stream.cancel()

    async def put(self, key: bytes, value: bytes, if_revision: int) -> Outcome:
        """Set a key, if its last change is the one given; 0: if it does not exist."""
        request = put_request(key, value, if_revision)
        return outcome_from_reply((await self._ask(TXN, request, pb.TxnResponse))[1])

    async def delete(self, key: bytes, if_revision: int) -> Outcome:
        """Remove a key, if its last change is the one given."""
        request = delete_request(key, if_revision)
        return outcome_from_reply((await self._ask(TXN, request, pb.TxnResponse))[1])

    async def renew(self) -> None:
        """Connect anew if the TLS files changed."""
        await self._members.renew()

    async def _ask(
        self,
        path: str,
        request: Message,
        kind: type[Reply],
        timeout_s: float = CALL_S,
    ) -> tuple[str, Reply]:
        """Ask one member after the other; who failed is asked last from then on."""
        failures = []
        for member in self._members.names:
            try:
                reply = await self._ask_member(member, path, request, kind, timeout_s)
            except EtcdError as error:
                if error.is_final:
                    raise
                self._members.avoid(member)
                failures.append(str(error))
            else:
                return member, reply
        raise EtcdError("; ".join(failures))

    async def _ask_member(
        self,
        member: str,
        path: str,
        request: Message,
        kind: type[Reply],
        timeout_s: float,
    ) -> Reply:
        call: Callable[..., Awaitable[bytes]] = self._members.channel(
            member
        ).unary_unary(path)
        try:
            raw = await call(
                request.SerializeToString(), timeout=timeout_s, metadata=METADATA
            )
        except grpc.aio.AioRpcError as error:
            raise failure_from_grpc(member, error) from error
        return _decode(kind, member, raw)


def _batch_from_raw(member: str, raw: bytes | object) -> Batch:
    if not isinstance(raw, bytes):  # gRPC's word for the end
        raise EtcdError(f"{member}: the watch ended")
    reply = _decode(pb.WatchResponse, member, raw)
    if reply.compact_revision:
        raise Compacted(f"{member}: forgotten before {reply.compact_revision}")
    if reply.canceled:
        reason = reply.cancel_reason[:DETAIL_CHARACTERS_MAX] or "no reason given"
        raise EtcdError(f"{member}: watch cancelled: {reason}")
    return batch_from_reply(reply)


def _decode(kind: type[Reply], member: str, raw: bytes) -> Reply:
    # gRPC would log whatever goes wrong here and give us None
    try:
        return kind.FromString(raw)
    except DecodeError as error:
        raise EtcdError(f"{member}: no {kind.DESCRIPTOR.name}") from error
