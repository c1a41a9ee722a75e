"""A host with WireGuard links in memory; the contract suite keeps it honest."""

import errno
from dataclasses import dataclass, field, replace

from kubespan.errors import DriverError
from kubespan.logic.identity.key_pair import public_half
from kubespan.model.address import Network
from kubespan.model.keys import PublicKey
from kubespan.model.link import LinkChanges, LinkKind, LinkSeen
from kubespan.model.network import LinkSpec
from kubespan.model.wireguard import (
    WireGuardChange,
    WireGuardChoice,
    WireGuardDevice,
    WireGuardPeerChange,
    WireGuardPeerSeen,
)
from tests.fakes.clock import FakeClock


@dataclass
class FakeWireGuardHost:
    """Links by name, foreign ones with the kind None, and their devices.

    Attributes:
        has_kernel: the kernel has WireGuard.
        ports_in_use: UDP ports that others hold.
    """

    has_kernel: bool = False
    clock: FakeClock = field(default_factory=FakeClock)
    links: dict[str, LinkSeen | None] = field(default_factory=dict)
    devices: dict[str, WireGuardDevice] = field(default_factory=dict)
    ports_in_use: set[int] = field(default_factory=set)
    applied: list[LinkChanges | WireGuardChange] = field(default_factory=list)

    def add(self, spec: LinkSpec) -> None:
        if spec.name in self.links:
            reason = f"link {spec.name} exists and was not made by kubespan"
            raise DriverError(f"create link {spec.name}", reason, errno.EEXIST)
        if spec.wireguard is WireGuardChoice.KERNEL and not self.has_kernel:
            reason = "this kernel has no WireGuard"
            raise DriverError(f"create link {spec.name}", reason, errno.EOPNOTSUPP)
        in_kernel = self.has_kernel and spec.wireguard is not WireGuardChoice.USERSPACE
        kind = LinkKind.KERNEL if in_kernel else LinkKind.USERSPACE
        self.links[spec.name] = LinkSeen(spec.name, kind, spec.mtu_bytes, up=True)
        self.devices[spec.name] = WireGuardDevice(spec.name, 0.0, present=True)

    def remove(self, name: str) -> None:
        self.links.pop(name, None)
        self.devices.pop(name, None)


class FakeLinkDriver:
    """Stands in for ``LinkDriver``."""

    def __init__(self, host: FakeWireGuardHost) -> None:
        self.host = host

    async def observe(self) -> dict[str, LinkSeen]:
        return {name: seen for name, seen in self.host.links.items() if seen}

    async def apply(self, changes: LinkChanges) -> None:
        self.host.applied.append(changes)
        kept = {spec.name: spec for spec in changes.create}
        for seen in changes.delete:
            choice = kept[seen.name].wireguard if seen.name in kept else None
            if choice is WireGuardChoice.KERNEL and not self.host.has_kernel:
                raise DriverError("create link", "no WireGuard", errno.EOPNOTSUPP)
            self.host.remove(seen.name)
        for spec in changes.create:
            self.host.add(spec)
        for spec in changes.update:
            seen = self.host.links[spec.name]
            assert seen is not None
            changed = replace(seen, mtu_bytes=spec.mtu_bytes, up=True)
            self.host.links[spec.name] = changed


class FakeWireGuardDriver:
    """Stands in for ``WireGuardDriver``."""

    def __init__(self, host: FakeWireGuardHost, link: str) -> None:
        self.host = host
        self.link = link

    async def observe(self) -> WireGuardDevice:
        now_s = self.host.clock.now_s()
        device = self.host.devices.get(self.link, WireGuardDevice(self.link, now_s))
        return replace(device, observed_s=now_s)

    async def apply(self, change: WireGuardChange) -> None:
        self.host.applied.append(change)
        if change.link not in self.host.devices:
            operation = f"configure WireGuard {change.link}"
            raise DriverError(operation, "no such link", errno.ENODEV)
        in_use = change.listen_port in self.host.ports_in_use
        possible = replace(change, listen_port=None) if in_use else change
        device = self.host.devices[change.link]
        self.host.devices[change.link] = changed_device(device, possible)
        if in_use:
            reason = f"UDP port {change.listen_port} is in use"
            raise DriverError("configure WireGuard", reason, errno.EADDRINUSE)


def changed_device(device: WireGuardDevice, change: WireGuardChange) -> WireGuardDevice:
    """What every WireGuard makes of a change: in order, and an allowed IP moves."""
    peers = {p.public_key: p for p in device.peers if p.public_key not in change.remove}
    for peer in change.set_peers:
        if peer.public_key in peers or peer.new:
            _set_peer(peers, peer)
    return replace(
        device,
        public_key=public_half(change.private_key)
        if change.private_key
        else device.public_key,
        listen_port=device.listen_port
        if change.listen_port is None
        else change.listen_port,
        mark=device.mark if change.mark is None else change.mark,
        peers=tuple(peers.values()),
    )


def _set_peer(
    peers: dict[PublicKey, WireGuardPeerSeen], change: WireGuardPeerChange
) -> None:
    key = change.public_key
    seen = peers.get(key, WireGuardPeerSeen(key))
    if change.preshared_key is not None:
        seen = replace(seen, preshared_key=change.preshared_key)
    if change.endpoint is not None:
        seen = replace(seen, endpoint=change.endpoint)
    if change.keepalive_s is not None:
        seen = replace(seen, keepalive_s=change.keepalive_s)
    peers[key] = seen
    if change.allowed_ips is not None:
        for other in tuple(peers):
            left = _without(peers[other].allowed_ips, change.allowed_ips)
            peers[other] = replace(peers[other], allowed_ips=left)
        peers[key] = replace(peers[key], allowed_ips=change.allowed_ips)


def _without(
    networks: tuple[Network, ...], taken: tuple[Network, ...]
) -> tuple[Network, ...]:
    gone = set(taken)
    return tuple(network for network in networks if network not in gone)
