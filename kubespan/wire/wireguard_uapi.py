"""WireGuard's cross-platform text protocol, spoken on a userspace WireGuard's socket.

::

    set=1                      get=1
    private_key=HEX            (empty line)
    public_key=HEX             → private_key=HEX
    endpoint=192.0.2.1:51820     public_key=HEX
    (empty line)                 rx_bytes=1024
    → errno=0                    errno=0
      (empty line)               (empty line)

A line ``public_key`` opens a peer; what follows is said of it.

Source:
    www.wireguard.com/xplatform; kubespan.md section 4.5.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from ipaddress import ip_network
from typing import Final

from kubespan.errors import WireError
from kubespan.logic.identity.key_pair import public_half
from kubespan.model.address import Network
from kubespan.model.endpoint import Endpoint
from kubespan.model.keys import KEY_BYTES, PublicKey, SecretKey
from kubespan.model.wireguard import (
    WireGuardChange,
    WireGuardDevice,
    WireGuardPeerChange,
    WireGuardPeerSeen,
)

QUESTION: Final = b"get=1\n\n"
ANSWER_MAX_BYTES: Final = 16 * 1024 * 1024
"""40,000 peers with three networks each."""

_LINE_MAX: Final = 512
_DIGITS_MAX: Final = 20
_NO_KEY: Final = bytes(KEY_BYTES)
_CACHED: Final = 16384


def encode_change(change: WireGuardChange) -> bytes:
    """Return the request that makes a change: device, removals, then peers."""
    return "\n".join((*_change_lines(change), "", "")).encode()


def parse_errno(answer: bytes) -> int:
    """Return the errno at the end of any answer, 0 for success.

    Some programs write it negative; the result never is.

    Raises:
        WireError: the answer does not end with one.
    """
    key, _, value = _lines(answer)[-1].partition("=")
    number = value.removeprefix("-")
    if key != "errno" or not _is_number(number):
        raise WireError("uapi: an answer without errno")
    return int(number)


def parse_device(link: str, answer: bytes, observed_s: float) -> WireGuardDevice:
    """Return the device a ``get=1`` was answered with.

    Args:
        link: name for the result.
        answer: up to and with the empty line; lines nobody knows are ignored.
        observed_s: monotonic instant of asking.

    Raises:
        WireError: malformed or too long. Its text never quotes a value.
    """
    device = _DeviceDraft()
    for line in _lines(answer):
        key, equals, value = line.partition("=")
        if not equals:
            raise WireError("uapi: a line without =")
        try:
            device.read(key, value)
        except ValueError:
            # the cause may quote a secret
            raise WireError(f"uapi: a malformed {key[:40]!r}") from None
    return WireGuardDevice(
        link=link,
        observed_s=observed_s,
        present=True,
        public_key=device.public_key,
        listen_port=device.listen_port,
        mark=device.mark,
        peers=tuple(peer.finish() for peer in device.peer_by_key.values()),
    )


def _change_lines(change: WireGuardChange) -> Iterator[str]:
    yield "set=1"
    if change.private_key is not None:
        yield f"private_key={change.private_key.raw.hex()}"
    if change.mark is not None:
        yield f"fwmark={change.mark}"
    if change.listen_port is not None:
        yield f"listen_port={change.listen_port}"
    for key in change.remove:
        yield f"public_key={key.raw.hex()}"
        yield "remove=true"
    for peer in change.set_peers:
        yield from _peer_lines(peer)


def _peer_lines(peer: WireGuardPeerChange) -> Iterator[str]:
    yield f"public_key={peer.public_key.raw.hex()}"
    if not peer.new:
        yield "update_only=true"
    if peer.preshared_key is not None:
        yield f"preshared_key={peer.preshared_key.raw.hex()}"
    if peer.endpoint is not None:
        yield f"endpoint={peer.endpoint}"
    if peer.keepalive_s is not None:
        yield f"persistent_keepalive_interval={peer.keepalive_s}"
    if peer.allowed_ips is not None:
        yield "replace_allowed_ips=true"
        yield from (f"allowed_ip={network}" for network in peer.allowed_ips)


def _lines(answer: bytes) -> list[str]:
    if len(answer) > ANSWER_MAX_BYTES:
        raise WireError(f"uapi: an answer of {len(answer)} bytes")
    if not answer.isascii():
        raise WireError("uapi: an answer that is not ASCII")
    lines = answer.decode().rstrip("\n").split("\n")
    if max(map(len, lines)) > _LINE_MAX:
        raise WireError("uapi: a line without end")
    return lines


@dataclass(slots=True)
class _PeerDraft:
    """A peer while its lines are read."""

    key: PublicKey
    preshared_key: SecretKey | None = None
    allowed_ips: list[Network] = field(default_factory=list)
    endpoint: Endpoint | None = None
    number_by_name: dict[str, int] = field(default_factory=dict)

    def read(self, key: str, value: str) -> None:
        """Take one line."""
        if key == "allowed_ip":
            self.allowed_ips.append(_network(value))
        elif key == "endpoint":
            self.endpoint = _endpoint(value)
        elif key == "preshared_key":
            self.preshared_key = _secret(value)
        elif key in _PEER_NUMBERS:
            self.number_by_name[key] = _number(value)

    def finish(self) -> WireGuardPeerSeen:
        """Return what was read."""
        number = self.number_by_name.get
        seconds = number("last_handshake_time_sec", 0)
        return WireGuardPeerSeen(
            public_key=self.key,
            preshared_key=self.preshared_key,
            allowed_ips=tuple(self.allowed_ips),
            endpoint=self.endpoint,
            keepalive_s=number("persistent_keepalive_interval", 0),
            last_handshake_ns=seconds * 10**9 + number("last_handshake_time_nsec", 0),
            receive_bytes=number("rx_bytes", 0),
            transmit_bytes=number("tx_bytes", 0),
        )


_PEER_NUMBERS: Final = frozenset(
    (
        "persistent_keepalive_interval",
        "last_handshake_time_sec",
        "last_handshake_time_nsec",
        "rx_bytes",
        "tx_bytes",
    )
)


@dataclass(slots=True)
class _DeviceDraft:
    """A device while its lines are read."""

    public_key: PublicKey | None = None
    listen_port: int = 0
    mark: int = 0
    peer_by_key: dict[str, _PeerDraft] = field(default_factory=dict)
    peer: _PeerDraft | None = None

    def read(self, key: str, value: str) -> None:
        """Take one line; the first ``public_key`` ends what is said of the device."""
        if key == "public_key":
            peer_key = _public_key(value)
            self.peer = self.peer_by_key.setdefault(value, _PeerDraft(peer_key))
        elif self.peer is not None:
            self.peer.read(key, value)
        else:
            self._read_device(key, value)

    def _read_device(self, key: str, value: str) -> None:
        if key == "private_key":
            secret = _secret(value)
            self.public_key = public_half(secret) if secret else None
        elif key == "own_public_key":
            # boringtun and its kin show this half only
            self.public_key = _public_key(value)
        elif key == "listen_port":
            self.listen_port = _number(value)
        elif key == "fwmark":
            self.mark = _number(value)


def _is_number(text: str) -> bool:
    return text.isdecimal() and len(text) <= _DIGITS_MAX


def _number(text: str) -> int:
    if not _is_number(text):
        raise ValueError("not a number")
    return int(text)


def _secret(text: str) -> SecretKey | None:
    """Return a key; all zero means that there is none."""
    raw = bytes.fromhex(text)
    return SecretKey(raw) if raw != _NO_KEY else None


@lru_cache(_CACHED)
def _public_key(text: str) -> PublicKey:
    return PublicKey(bytes.fromhex(text))


@lru_cache(_CACHED)
def _network(text: str) -> Network:
    return ip_network(text, strict=False)


@lru_cache(_CACHED)
def _endpoint(text: str) -> Endpoint:
    """IPv4-mapped addresses become plain IPv4 (section 4.2)."""
    return Endpoint.from_text(text).unmapped
