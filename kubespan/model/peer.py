"""Peers: what is wanted of them and what was seen.

Source:
    kubespan.md sections 4.1 to 4.4, 5 and 7.
"""

from dataclasses import dataclass
from enum import StrEnum

from kubespan.model.address import IPAddress, Network
from kubespan.model.endpoint import Endpoint
from kubespan.model.keys import PublicKey


class PeerState(StrEnum):
    """A peer answers, does not, or is on trial."""

    UNKNOWN = "unknown"
    UP = "up"
    DOWN = "down"


@dataclass(frozen=True, slots=True)
class PeerSpec:
    """One peer as discovery describes it.

    Attributes:
        node_id: the affiliate it came from.
        address: its mesh address.
        allowed_ips: sorted, disjoint within and between peers; may be empty.
        endpoints: in the order published; may be empty.
        label: Kubernetes node name; may be empty.
        hostname: for people, where the label is empty.
    """

    public_key: PublicKey
    node_id: str
    address: IPAddress
    allowed_ips: tuple[Network, ...]
    endpoints: tuple[Endpoint, ...]
    label: str = ""
    hostname: str = ""

    @property
    def key(self) -> str:
        """The public key's text."""
        return str(self.public_key)


@dataclass(frozen=True, slots=True)
class PeerStatus:
    """One peer as WireGuard shows it, and what we did about its endpoint.

    Attributes:
        endpoint: what the kernel uses now; None if it has none.
        last_handshake_ns: wall clock as WireGuard says it; 0 if there was none.
        handshake_s: monotonic instant of that handshake, so that a clock jump cannot
            age it; None if there was none.
        last_used_endpoint: the one we set last; None if we never set one.
        last_endpoint_change_ns: wall clock of that; 0 if never.
        endpoint_changed_s: monotonic instant of that; None if never.
        asserted_endpoint: what the device must be told; None means leave it alone,
            because the peer roamed (section 4.4).
    """

    public_key: PublicKey
    label: str = ""
    endpoint: Endpoint | None = None
    state: PeerState = PeerState.UNKNOWN
    receive_bytes: int = 0
    transmit_bytes: int = 0
    last_handshake_ns: int = 0
    handshake_s: float | None = None
    last_used_endpoint: Endpoint | None = None
    last_endpoint_change_ns: int = 0
    endpoint_changed_s: float | None = None
    asserted_endpoint: Endpoint | None = None

    @property
    def key(self) -> str:
        """The public key's text."""
        return str(self.public_key)


@dataclass(frozen=True, slots=True)
class LivePeer:
    """A key that shook hands within the last 275 s, whoever it belongs to.

    Attributes:
        last_handshake_ns: wall clock as WireGuard says it.
        handshake_s: monotonic instant of it.
    """

    public_key: PublicKey
    last_handshake_ns: int
    handshake_s: float

    @property
    def key(self) -> str:
        """The public key's text."""
        return str(self.public_key)


@dataclass(frozen=True, slots=True)
class KeptPeer:
    """A peer of the device that shakes hands, and that nobody has told us of yet.

    After a restart, or when registries are exchanged, peers may be known to the device
    alone until every registry has spoken. Their tunnel carries traffic.

    Attributes:
        allowed_ips: as the device has them.
    """

    public_key: PublicKey
    allowed_ips: tuple[Network, ...]

    @property
    def key(self) -> str:
        """The public key's text."""
        return str(self.public_key)


@dataclass(frozen=True, slots=True)
class HarvestedEndpoint:
    """An endpoint a live handshake revealed, passed on to the others (section 5)."""

    public_key: PublicKey
    affiliate_id: str
    endpoint: Endpoint

    @property
    def key(self) -> str:
        """The public key's text."""
        return str(self.public_key)


@dataclass(frozen=True, slots=True)
class PeerOutlook:
    """What people ask of a peer: how it is, why, and what happens next.

    Attributes:
        name: label, else hostname, else the start of the node ID.
        reason: why it is not up, in words; empty when up.
        next_endpoint: what will be tried next; None when nothing can be.
        next_attempt_ns: wall clock of that; 0 when nothing is planned.
    """

    public_key: PublicKey
    name: str
    address: IPAddress
    state: PeerState
    endpoint: Endpoint | None
    last_handshake_ns: int
    receive_bytes: int
    transmit_bytes: int
    reason: str = ""
    next_endpoint: Endpoint | None = None
    next_attempt_ns: int = 0

    @property
    def key(self) -> str:
        """The public key's text."""
        return str(self.public_key)
