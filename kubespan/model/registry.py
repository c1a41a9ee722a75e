"""How the registries are doing, and what they told us of ourselves."""

from dataclasses import dataclass

from kubespan.model.address import IPAddress
from kubespan.model.affiliate import Registry
from kubespan.model.endpoint import Endpoint


@dataclass(frozen=True, slots=True)
class RegistryStatus:
    """One registry instance as its client sees it.

    Attributes:
        source: a discovery service's name, or ``kubernetes``.
        endpoint: ``host:port`` or URL in use; after a redirect the new one.
        synced: a complete snapshot arrived since the daemon started.
        connected: a watch is open now.
        error: the last failure; empty when connected.
        affiliates: how many nodes it lists, ourselves left out.
        skipped: affiliates that did not open or parse, since start.
        skipped_endpoints: endpoint blobs that did not open or parse, since start.
        next_attempt_ns: wall clock of the next try; 0 when connected.
        last_push_ns: wall clock of the last accepted push; 0 if there was none.
    """

    registry: Registry
    source: str
    endpoint: str
    synced: bool = False
    connected: bool = False
    error: str = ""
    affiliates: int = 0
    skipped: int = 0
    skipped_endpoints: int = 0
    next_attempt_ns: int = 0
    last_push_ns: int = 0

    @property
    def key(self) -> str:
        """``registry/source``."""
        return f"{self.registry}/{self.source}"


@dataclass(frozen=True, slots=True)
class PublicAddress:
    """Our address as a discovery service saw it in Hello (kubespan.md 3.6)."""

    source: str
    address: IPAddress

    @property
    def key(self) -> str:
        """The service's name."""
        return self.source


@dataclass(frozen=True, slots=True)
class ServiceAddress:
    """Where a configured discovery service is reached: by TCP, outside the mesh.

    Attributes:
        source: the service's name.
        endpoints: sorted, none twice, at most 16.
    """

    source: str
    endpoints: tuple[Endpoint, ...]

    @property
    def key(self) -> str:
        """The service's name."""
        return self.source
