"""The mesh link: made by the kernel or by a program, kept, adopted again, deleted.

A link is ours by its alias. Nothing is kept in files: after a restart of the daemon the
link and whoever listens on its socket are all there is to know.

Source:
    kubespan.md sections 4.5 and 4.10.
"""

import asyncio
import errno
from pathlib import Path

from kubespan.drivers.host.failures import Failures
from kubespan.drivers.host.netlink import RouteSocket, open_route_socket
from kubespan.drivers.wireguard.kernel import read_kernel_device
from kubespan.drivers.wireguard.link_netlink import (
    KERNEL_KIND,
    PROGRAM_KIND,
    HostLink,
    add_kernel_link,
    delete_link,
    find_link,
    list_our_links,
    settle_link,
)
from kubespan.drivers.wireguard.programs import Program, WireGuardPrograms
from kubespan.drivers.wireguard.uapi import SOCKET_DIR, UapiSocket
from kubespan.engine.edges import Publisher
from kubespan.errors import DriverError
from kubespan.model.link import LinkChanges, LinkKind, LinkSeen
from kubespan.model.network import LinkSpec
from kubespan.model.wireguard import DataPlane, WireGuardChoice

_NONE = "none"
_NO_KERNEL = "this kernel has no WireGuard"


class LinkDriver:
    """A sink's and a source's hands: links, and which WireGuard carries them.

    Args:
        programs: names or paths of userspace WireGuards, tried in order.
        socket_dir: where they make their sockets.
    """

    def __init__(
        self, programs: tuple[str, ...], socket_dir: Path = SOCKET_DIR
    ) -> None:
        self._programs = WireGuardPrograms(programs)
        self._socket_dir = socket_dir
        self._planes: dict[str, DataPlane] = {}
        self._news = asyncio.Event()

    async def run(self, publisher: Publisher) -> None:
        """Publish each DataPlane, and again when it changed; for ever."""
        while True:
            self._news.clear()
            publisher.replace(DataPlane, tuple(self._planes.values()))
            await self._news.wait()

    async def observe(self) -> dict[str, LinkSeen]:
        """Return our links, by name; links of others are not looked at.

        Raises:
            DriverError: the kernel refuses, or a program hangs.
        """
        async with open_route_socket() as netlink:
            found = await list_our_links(netlink)
        seen = {link.name: await self._look(link) for link in found if _kind(link)}
        for name, plane in tuple(self._planes.items()):
            if name not in seen and plane.kind != _NONE:
                self._note(DataPlane(name, _NONE, "the link is gone"))
        return seen

    async def apply(self, changes: LinkChanges) -> None:
        """Delete, create and update; one failing link stops no other.

        Raises:
            DriverError: with what to do about it where that is known.
        """
        failures = Failures("change links")
        spec_by_name = {spec.name: spec for spec in changes.create}
        async with open_route_socket() as netlink:
            for seen in changes.delete:
                with failures.kept():
                    successor = spec_by_name.get(seen.name)
                    if successor and seen.answers:
                        await self._require(netlink, successor)
                    await self._delete(netlink, seen.name)
            for spec in changes.create:
                with failures.kept():
                    await self._create(netlink, spec)
            for spec in changes.update:
                with failures.kept():
                    await self._update(netlink, spec)
        failures.raise_if_any()

    def _uapi(self, name: str) -> UapiSocket:
        return UapiSocket(name, self._socket_dir)

    async def _look(self, link: HostLink) -> LinkSeen:
        """Return one of our links as seen; note who carries it."""
        kind = _kind(link) or LinkKind.KERNEL
        answers = True
        if kind is LinkKind.USERSPACE:
            program = await self._programs.find(self._uapi(link.name))
            answers = program is not None
            if program is not None:
                self._note_program(link.name, program, "it was running already")
        elif self._plane_kind(link.name) != kind.value:
            self._note(DataPlane(link.name, kind.value, "the link was there already"))
        return LinkSeen(link.name, kind, link.mtu_bytes, link.up, answers)

    async def _create(self, netlink: RouteSocket, spec: LinkSpec) -> None:
        link = await find_link(netlink, spec.name)
        try:
            if link is None:
                await self._make(netlink, spec)
            else:
                await self._adopt(link)
        except DriverError as error:
            self._note(DataPlane(spec.name, _NONE, error.reason))
            raise
        await self._update(netlink, spec)

    async def _update(self, netlink: RouteSocket, spec: LinkSpec) -> None:
        link = await find_link(netlink, spec.name)
        if link is None:
            reason = "it vanished while it was set up"
            raise DriverError(f"set up link {spec.name}", reason, errno.ENODEV)
        await settle_link(netlink, link, spec.mtu_bytes)

    async def _make(self, netlink: RouteSocket, spec: LinkSpec) -> None:
        """Make a link in the first way the operator allows and the host can."""
        why = "the configuration asks for it"
        if spec.wireguard is not WireGuardChoice.USERSPACE:
            try:
                await add_kernel_link(netlink, spec.name)
            except DriverError as error:
                if not _is_unsupported(error):
                    raise
                if spec.wireguard is WireGuardChoice.KERNEL:
                    raise _no_kernel(spec.name) from error
                why = _NO_KERNEL
            else:
                self._note(DataPlane(spec.name, "kernel", "this kernel has WireGuard"))
                return
        uapi = self._uapi(spec.name)
        # whoever still listens lost its link and is about to end, or is a stranger
        await self._programs.stop(uapi)
        program = await self._programs.start(uapi)
        self._note_program(spec.name, program, why)

    async def _adopt(self, link: HostLink) -> None:
        """Take over a link without our alias if it is nobody's: a WireGuard, no key.

        We made such a link if we were killed before we could mark it.
        """
        kind = _kind(link)
        operation = f"create link {link.name}"
        if kind is LinkKind.KERNEL:
            device = await read_kernel_device(link.name, 0.0)
            is_free = device.public_key is None
            self._note(DataPlane(link.name, kind.value, "the link was there already"))
        else:
            is_free = kind is not None and await self._adopt_program(link)
        if not is_free:
            what = f"a {link.kind}" if link.kind else "hardware"
            reason = (
                f"link {link.name} exists, is {what} and was not made by kubespan; "
                f"rename or remove it, if it is not needed (ip link delete {link.name})"
            )
            raise DriverError(operation, reason, errno.EEXIST)

    async def _adopt_program(self, link: HostLink) -> bool:
        uapi = self._uapi(link.name)
        program = await self._programs.find(uapi)
        if program is None or (await uapi.read_device(0.0)).public_key is not None:
            return False
        self._note_program(link.name, program, "it was running already")
        return True

    async def _require(self, netlink: RouteSocket, spec: LinkSpec) -> None:
        """Make sure that a link can be made before one that works is deleted."""
        if spec.wireguard is not WireGuardChoice.KERNEL:
            self._programs.require()
            return
        trial = f"{spec.name[:11]}-new"
        try:
            await add_kernel_link(netlink, trial)
        except DriverError as error:
            raise (
                _no_kernel(spec.name) if _is_unsupported(error) else error
            ) from error
        link = await find_link(netlink, trial)
        if link is not None:
            await delete_link(netlink, link)

    async def _delete(self, netlink: RouteSocket, name: str) -> None:
        """Delete a link with its program and socket; returns when it is gone."""
        link = await find_link(netlink, name)
        uapi = self._uapi(name)
        if link is not None and link.kind == PROGRAM_KIND:
            program = await self._programs.find(uapi)
            if program is None or program.known:
                await self._programs.stop(uapi)
            link = await find_link(netlink, name)
        if link is not None:
            # a program we do not know ends by itself when its link goes
            await delete_link(netlink, link)
        self._forget(name)

    def _note_program(self, name: str, program: Program, why: str) -> None:
        known = self._planes.get(name)
        if known is None or known.pid != program.pid:
            kind = LinkKind.USERSPACE.value
            self._note(DataPlane(name, kind, why, program.path, program.pid))

    def _plane_kind(self, name: str) -> str:
        plane = self._planes.get(name)
        return plane.kind if plane else _NONE

    def _note(self, plane: DataPlane) -> None:
        self._planes[plane.link] = plane
        self._news.set()

    def _forget(self, name: str) -> None:
        if self._planes.pop(name, None):
            self._news.set()


def _kind(link: HostLink) -> LinkKind | None:
    kinds = {KERNEL_KIND: LinkKind.KERNEL, PROGRAM_KIND: LinkKind.USERSPACE}
    return kinds.get(link.kind)


def _is_unsupported(error: DriverError) -> bool:
    return error.errno in {errno.EOPNOTSUPP, errno.ENOENT}


def _no_kernel(name: str) -> DriverError:
    reason = f"{_NO_KERNEL} (modprobe wireguard); choose wireguard: auto or userspace"
    return DriverError(f"create link {name}", reason, errno.EOPNOTSUPP)
