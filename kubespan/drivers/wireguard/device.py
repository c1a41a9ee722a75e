"""The mesh's WireGuard device, whoever carries it: looked at, changed, watched."""

import asyncio
import errno
from collections.abc import Callable
from pathlib import Path
from typing import Final

from kubespan.drivers.host.netlink import open_route_socket
from kubespan.drivers.wireguard.kernel import change_kernel_device, read_kernel_device
from kubespan.drivers.wireguard.link_netlink import KERNEL_KIND, PROGRAM_KIND, find_link
from kubespan.drivers.wireguard.uapi import SOCKET_DIR, UapiSocket
from kubespan.engine.edges import Publisher
from kubespan.engine.scheduler import Clock
from kubespan.errors import DriverError
from kubespan.model.wireguard import WireGuardChange, WireGuardDevice

LOOK_EVERY_S: Final = 1.0
LOOK_SHARE: Final = 1 / 200
"""At most this part of one processor is spent on looking."""


class WireGuardDriver:
    """A sink's hands and eyes for one device.

    Which implementation is asked follows from what the link really is.

    Args:
        link: the device's name.
        clock: the host's.
        socket_dir: where userspace programs have their sockets.
        on_applied: called after every change.
    """

    def __init__(
        self,
        link: str,
        clock: Clock,
        socket_dir: Path = SOCKET_DIR,
        on_applied: Callable[[], None] = lambda: None,
    ) -> None:
        self._link = link
        self._clock = clock
        self._on_applied = on_applied
        self._uapi = UapiSocket(link, socket_dir)

    async def observe(self) -> WireGuardDevice:
        """Return the device; not present if there is no WireGuard of that name.

        Raises:
            DriverError: it cannot be looked at.
        """
        now_s = self._clock.now_s()
        kind = await self._kind()
        try:
            if kind == KERNEL_KIND:
                return await read_kernel_device(self._link, now_s)
            if kind == PROGRAM_KIND:
                return await self._uapi.read_device(now_s)
        except DriverError as error:
            if error.errno not in _ABSENT:
                raise
        return WireGuardDevice(self._link, now_s)

    async def apply(self, change: WireGuardChange) -> None:
        """Make a change.

        Raises:
            DriverError: refused, or there is no device. A port in use keeps nothing
                else from being done.
        """
        kind = await self._kind()
        try:
            if kind == KERNEL_KIND:
                await change_kernel_device(change)
            elif kind == PROGRAM_KIND:
                await self._uapi.change_device(change)
            else:
                raise _no_device(change.link, kind)
            self._on_applied()
        except DriverError as error:
            if error.errno != errno.EADDRINUSE:
                raise
            reason = (
                f"UDP port {change.listen_port} is in use by another program; end it "
                "or choose another listenPort. Until then another port is used, and "
                "peers reach us only after we reached them"
            )
            raise DriverError(error.operation, reason, error.errno) from error

    async def _kind(self) -> str | None:
        async with open_route_socket() as netlink:
            link = await find_link(netlink, self._link)
        return link.kind if link else None


class WireGuardWatch:
    """A source's eyes: looks at the device again and again.

    Args:
        driver: how to look.
        clock: measures how long a look takes.
        on_change: called when the device came, went or was configured, which the
            kernel tells nobody; not at the first look. Our own changes count too:
            somebody else's may hide behind them.
    """

    def __init__(
        self, driver: WireGuardDriver, clock: Clock, on_change: Callable[[], None]
    ) -> None:
        self._driver = driver
        self._clock = clock
        self._on_change = on_change
        self._poked = asyncio.Event()
        self._seen: WireGuardDevice | None = None

    def poke(self) -> None:
        """Look now: we have just changed something."""
        self._poked.set()

    async def run(self, publisher: Publisher) -> None:
        """Publish the device every second, seldomer if looking is costly; for ever.

        Raises:
            DriverError: the device cannot be looked at.
        """
        while True:
            self._poked.clear()
            since_s = self._clock.now_s()
            device = await self._driver.observe()
            took_s = self._clock.now_s() - since_s
            publisher.replace(WireGuardDevice, (device,))
            if self._seen and _settings(self._seen) != _settings(device):
                self._on_change()
            self._seen = device
            try:
                async with asyncio.timeout(max(LOOK_EVERY_S, took_s / LOOK_SHARE)):
                    await self._poked.wait()
            except TimeoutError:
                continue


_ABSENT: Final = frozenset(
    # the link went, or its program, between finding it and asking
    (errno.ENODEV, errno.ENOENT, errno.ECONNREFUSED, errno.EOPNOTSUPP)
)


def _settings(device: WireGuardDevice) -> tuple[object, ...]:
    """Return what is configured, without endpoints and counters, in no order."""
    peers = {
        peer.public_key.raw: (peer.preshared_key, peer.allowed_ips, peer.keepalive_s)
        for peer in device.peers
    }
    own = (device.present, device.public_key, device.listen_port, device.mark)
    return *own, peers


def _no_device(link: str, kind: str | None) -> DriverError:
    reason = f"{link} is {kind or 'hardware'}, no WireGuard"
    if kind is None:
        reason = f"there is no link {link}"
    return DriverError(f"configure WireGuard {link}", reason, errno.ENODEV)
