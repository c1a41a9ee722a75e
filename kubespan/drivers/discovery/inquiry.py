"""What an operator asks of a discovery service; nothing is published.

Each question has a connection of its own, closed when it is answered.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

from kubespan.drivers.discovery.channel import Target
from kubespan.drivers.discovery.credentials import read_token
from kubespan.drivers.discovery.service import (
    DiscoveryConnection,
    HelloAnswer,
    Received,
    connect,
)
from kubespan.drivers.discovery.unchecked import look_at_certificate
from kubespan.engine.scheduler import Clock
from kubespan.errors import WireError
from kubespan.model.address import IPAddress
from kubespan.model.config import DiscoveryService
from kubespan.model.constants import DISCOVERY_TTL_S
from kubespan.wire.ip import decode_ip

TIMEOUT_S: Final = 10.0
"""How long an answer may take; a watch has as long as it likes after the greeting."""


@dataclass(frozen=True, slots=True)
class Inquiry:
    """Whom to ask, about which cluster.

    Attributes:
        token: shown with every call; empty shows the service's own, if it has one.
        unchecked: trust whatever certificate the service shows.
    """

    service: DiscoveryService
    cluster_id: str
    token: str = field(default="", repr=False)
    unchecked: bool = False


@dataclass(frozen=True, slots=True)
class Greeting:
    """How a service greets.

    Attributes:
        address: ours, as seen from there; None if it does not tell.
        redirect: ``host:port`` it sends clients to; empty: they stay.
        connect_s: until the first answer on a new connection.
        round_trip_s: until the second one.
    """

    address: IPAddress | None
    redirect: str
    connect_s: float
    round_trip_s: float


class Inquirer:
    """Asks one service.

    Every question raises ``CallFailed``, and nothing else, when it is not answered.

    Args:
        inquiry: whom to ask, about which cluster.
        environment: the process's, for proxies.
        clock: to measure with.
        client_version: ``vX.Y.Z``; services count by it.
    """

    def __init__(
        self,
        inquiry: Inquiry,
        environment: Mapping[str, str],
        clock: Clock,
        client_version: str,
    ) -> None:
        self._inquiry = inquiry
        self._environment = environment
        self._clock = clock
        self._client_version = client_version

    async def greet(self) -> Greeting:
        """Say hello twice: on a new connection, and on one that is there."""
        async with self._connection() as connection:
            started_s = self._clock.now_s()
            await self._hello(connection)
            connected_s = self._clock.now_s()
            answer = await self._hello(connection)
            answered_s = self._clock.now_s()
        return Greeting(
            _address(answer.client_ip),
            answer.redirect,
            connected_s - started_s,
            answered_s - connected_s,
        )

    async def list_all(self) -> Received:
        """Return everything the service has of the cluster."""
        async with self._connection() as connection:
            return await connection.list_all(TIMEOUT_S)

    async def watch(self) -> AsyncIterator[Received]:
        """Yield a snapshot, then every change; ends when the service ends it."""
        async with self._connection() as connection:
            await self._hello(connection)
            async for received in connection.watch():
                yield received

    async def _hello(self, connection: DiscoveryConnection) -> HelloAnswer:
        return await connection.hello(self._client_version, TIMEOUT_S)

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[DiscoveryConnection]:
        inquiry, service = self._inquiry, self._inquiry.service
        shown = None
        if inquiry.unchecked and not service.plaintext:
            shown = await look_at_certificate(service.endpoint, TIMEOUT_S)
        target = Target(
            service.endpoint,
            service.plaintext,
            service.ca_file,
            DISCOVERY_TTL_S,
            certificate_file=service.certificate_file,
            shown=shown,
            token=inquiry.token or read_token(service),
        )
        connection = connect(target, inquiry.cluster_id, self._environment)
        try:
            yield connection
        finally:
            await connection.close()


def _address(client_ip: bytes) -> IPAddress | None:
    try:
        return decode_ip(client_ip)
    except WireError:
        return None
