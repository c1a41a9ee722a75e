"""A connection without a network, for tests of one discovery client."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field

from kubespan.drivers.discovery.channel import CallFailed, Target
from kubespan.drivers.discovery.service import HelloAnswer, Received
from kubespan.protocol.discovery_records import Update


@dataclass
class FakeConnection:
    """Answers as told; every connection made through :meth:`connect` is this one.

    Attributes:
        fail: the failure by the name of a call, or of a call and affiliate ID.
        listed: what List answers.
        calls: names of calls in order.
    """

    fail: dict[str, CallFailed] = field(default_factory=dict)
    hello_answer: HelloAnswer = field(default_factory=lambda: HelloAnswer("", b""))
    listed: Received = field(default_factory=lambda: Received(()))
    calls: list[str] = field(default_factory=list)
    targets: list[Target] = field(default_factory=list)
    messages: asyncio.Queue[Received | CallFailed] = field(
        default_factory=asyncio.Queue
    )

    def connect(self, target: Target, _cluster_id: str, _env: Mapping[str, str]):
        self.targets.append(target)
        self._note("connect")
        return self

    async def hello(self, client_version: str, timeout_s: float) -> HelloAnswer:
        self._note("hello")
        return self.hello_answer

    async def update(self, update: Update, timeout_s: float) -> None:
        self._note("update", update.affiliate_id)

    async def delete(self, affiliate_id: str, timeout_s: float) -> None:
        self._note("delete", affiliate_id)

    async def list_all(self, timeout_s: float) -> Received:
        self._note("list")
        return self.listed

    async def watch(self) -> AsyncIterator[Received]:
        self._note("watch")
        while True:
            message = await self.messages.get()
            if isinstance(message, CallFailed):
                raise message
            yield message

    async def close(self) -> None:
        self._note("close")

    def _note(self, name: str, affiliate_id: str = "") -> None:
        self.calls.append(f"{name} {affiliate_id}".strip())
        if failure := self.fail.get(self.calls[-1], self.fail.get(name)):
            raise failure
