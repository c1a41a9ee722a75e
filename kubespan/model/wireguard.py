"""A WireGuard link's keys and peers: wanted and seen.

Source:
    kubespan.md section 4.5.
"""

from dataclasses import dataclass, field
from enum import StrEnum

from kubespan.model.address import Network
from kubespan.model.endpoint import Endpoint
from kubespan.model.keys import PublicKey, SecretKey


class WireGuardChoice(StrEnum):
    """Which implementation carries the mesh; ``auto`` prefers the kernel."""

    AUTO = "auto"
    KERNEL = "kernel"
    USERSPACE = "userspace"


@dataclass(frozen=True, slots=True)
class WireGuardPeer:
    """One peer as it must be configured.

    Attributes:
        allowed_ips: sorted and disjoint; replaces what is there.
        endpoint: None leaves the device's own alone.
        endpoint_if_handshake_ns: the last handshake that was known when `endpoint` was
            chosen. A device that shows another has heard from the peer since, knows
            better where it is, and keeps its own. None gives the endpoint regardless.
            Not compared: a handshake alone is no reason to configure anything.
    """

    public_key: PublicKey
    preshared_key: SecretKey
    allowed_ips: tuple[Network, ...]
    endpoint: Endpoint | None = None
    keepalive_s: int = 25
    endpoint_if_handshake_ns: int | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class WireGuardSpec:
    """A device as it must be.

    Attributes:
        peers: sorted by public key text.
        kept: keys of peers that may be on the device besides these, and then stay
            as they are: nobody has told us yet whether they are wanted.
    """

    link: str
    private_key: SecretKey
    listen_port: int
    mark: int
    peers: tuple[WireGuardPeer, ...]
    kept: frozenset[PublicKey] = frozenset()

    @property
    def key(self) -> str:
        """The link's name."""
        return self.link


@dataclass(frozen=True, slots=True)
class WireGuardPeerSeen:
    """One peer as the device shows it.

    Attributes:
        preshared_key: None when the device has none.
        last_handshake_ns: wall clock; 0 if there was none.
    """

    public_key: PublicKey
    preshared_key: SecretKey | None = None
    allowed_ips: tuple[Network, ...] = ()
    endpoint: Endpoint | None = None
    keepalive_s: int = 0
    last_handshake_ns: int = 0
    receive_bytes: int = 0
    transmit_bytes: int = 0


@dataclass(frozen=True, slots=True)
class WireGuardDevice:
    """A device as it is.

    Attributes:
        public_key: None while the device has no private key.
        peers: keyed by public key; order of the device.
        present: false when there is no such device (the rest is then empty).
        observed_s: monotonic instant of looking; makes every look a change, which
            is what makes time pass for controllers.
    """

    link: str
    observed_s: float
    present: bool = False
    public_key: PublicKey | None = None
    listen_port: int = 0
    mark: int = 0
    peers: tuple[WireGuardPeerSeen, ...] = ()

    @property
    def key(self) -> str:
        """The link's name."""
        return self.link


@dataclass(frozen=True, slots=True)
class WireGuardChange:
    """The smallest change that turns a device into what a spec says.

    Attributes:
        private_key, listen_port, mark: None leaves it alone.
        remove: peers to take away.
        set_peers: peers to add or change; allowed IPs replaced when not None.
    """

    link: str
    private_key: SecretKey | None = None
    listen_port: int | None = None
    mark: int | None = None
    remove: tuple[PublicKey, ...] = ()
    set_peers: tuple["WireGuardPeerChange", ...] = ()

    def __bool__(self) -> bool:
        values = (self.private_key, self.listen_port, self.mark)
        return bool(self.remove or self.set_peers) or any(v is not None for v in values)

    def __str__(self) -> str:
        new = sum(peer.new for peer in self.set_peers)
        changed = len(self.set_peers) - new
        peers = f"+{new} ~{changed} -{len(self.remove)} peers"
        return f"{self.link}: {peers}"


@dataclass(frozen=True, slots=True)
class WireGuardPeerChange:
    """One peer to add or change; None leaves a property alone."""

    public_key: PublicKey
    new: bool
    preshared_key: SecretKey | None = None
    endpoint: Endpoint | None = None
    keepalive_s: int | None = None
    allowed_ips: tuple[Network, ...] | None = None


@dataclass(frozen=True, slots=True)
class DataPlane:
    """Which WireGuard carries the mesh now, and why.

    Attributes:
        kind: ``kernel``, ``userspace`` or ``none``.
        program: path of the userspace program; empty for the kernel.
        pid: of that program; 0 if it is not ours or there is none.
        reason: one sentence for an operator.
    """

    link: str
    kind: str
    reason: str
    program: str = ""
    pid: int = 0

    @property
    def key(self) -> str:
        """The link's name."""
        return self.link
