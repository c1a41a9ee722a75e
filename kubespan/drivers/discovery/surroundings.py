"""What discovery clients need of the host, and what they are told to follow."""

from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from kubespan.drivers.discovery.channel import Target
from kubespan.drivers.discovery.service import HelloAnswer, Received
from kubespan.engine.scheduler import Clock
from kubespan.model.config import DiscoveryService
from kubespan.model.keys import SecretKey
from kubespan.protocol.discovery_records import Update


class Entropy(Protocol):
    """What randomness is needed."""

    def random_bytes(self, count: int) -> bytes:
        """Return unpredictable bytes."""
        ...

    def jitter(self) -> float:
        """Return a number within 0.0 <= x < 1.0."""
        ...


class Connection(Protocol):
    """The calls of a service; each raises ``CallFailed`` when it does not succeed."""

    async def hello(self, client_version: str, timeout_s: float) -> HelloAnswer:
        """Greet."""
        ...

    async def update(self, update: Update, timeout_s: float) -> None:
        """Tell of one affiliate."""
        ...

    async def delete(self, affiliate_id: str, timeout_s: float) -> None:
        """Remove one affiliate."""
        ...

    async def list_all(self, timeout_s: float) -> Received:
        """Return everything."""
        ...

    def watch(self) -> AsyncIterator[Received]:
        """Yield a snapshot, then changes."""
        ...

    async def close(self) -> None:
        """End every call."""
        ...


Connect = Callable[[Target, str, Mapping[str, str]], Connection]


@dataclass(frozen=True, slots=True)
class DiscoveryHost:
    """What clients need of the host they run on.

    Attributes:
        state_dir: where the caches live.
        environment: the process's, for proxies.
        connect: opens connections.
        ttl_s: how long services are to keep what is pushed.
        client_version: ``vX.Y.Z``; services count by it.
    """

    clock: Clock
    entropy: Entropy
    state_dir: Path
    environment: Mapping[str, str]
    connect: Connect
    ttl_s: float
    client_version: str


@dataclass(frozen=True, slots=True)
class Subscription:
    """One service in one cluster, as one node; a change of any makes another."""

    service: DiscoveryService
    cluster_id: str
    secret: SecretKey
    node_id: str
