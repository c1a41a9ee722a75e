"""Addresses of one link, by rtnetlink.

Source:
    kubespan.md section 4.6.
"""

import errno
from ipaddress import ip_interface

from kubespan.drivers.host.failures import Failures
from kubespan.drivers.host.netlink import (
    Message,
    OpenSocket,
    RouteSocket,
    link_index,
    messages,
    open_route_socket,
    refusals,
)
from kubespan.errors import DriverError
from kubespan.model.diff import Diff
from kubespan.model.host import Scope
from kubespan.model.network import AddressSpec, Family

IFA_F_NODAD = 0x02
IFA_F_PERMANENT = 0x80
GONE = (errno.EADDRNOTAVAIL, errno.ENODEV, errno.ENOENT)


class Addresses:
    """The addresses of a link that is ours alone; whatever else it has is removed.

    Link-local addresses belong to the kernel and are left alone.

    Args:
        link: its name; it may come and go.
        open_socket: how to reach the kernel.
    """

    def __init__(self, link: str, open_socket: OpenSocket = open_route_socket) -> None:
        self._link = link
        self._open_socket = open_socket

    async def observe(self) -> dict[str, AddressSpec]:
        """Return the link's addresses by key; empty without the link."""
        found: list[Message] = []
        async with self._open_socket() as socket:
            index = await link_index(socket, self._link)
            if index is not None:
                operation = f"list addresses of {self._link}"
                with refusals(operation, ignored=(errno.ENODEV,)):
                    found = await messages(
                        socket.addr("dump", index=index, dump_filter=None)
                    )
        specs = (self._spec(message) for message in found if message["index"] == index)
        return {spec.key: spec for spec in specs if spec is not None}

    async def apply(self, changes: Diff[str, AddressSpec]) -> None:
        """Make the changes; what is already so is left so.

        Raises:
            DriverError: no such link, or the kernel refused some; the others are done.
        """
        failures = Failures(f"change addresses of {self._link}")
        async with self._open_socket() as socket:
            # the kernel knows an IPv6 address once per link, whatever its length
            for spec in changes.delete.values():
                with failures.kept():
                    await self._delete(socket, spec)
            for spec in (*changes.create.values(), *changes.update.values()):
                with failures.kept():
                    await self._add(socket, spec)
        failures.raise_if_any()

    def _spec(self, message: Message) -> AddressSpec | None:
        """Return an address as it was seen; None if it is the kernel's own."""
        text = message.get_attr("IFA_LOCAL") or message.get_attr("IFA_ADDRESS")
        if text is None or message["scope"] >= Scope.LINK:
            return None
        return AddressSpec(self._link, ip_interface(f"{text}/{message['prefixlen']}"))

    async def _add(self, socket: RouteSocket, spec: AddressSpec) -> None:
        operation = f"add address {spec.address} to {spec.link}"
        index = await link_index(socket, spec.link)
        if index is None:
            raise DriverError(operation, "there is no such link", errno.ENODEV)
        # without duplicate detection it can be used at once: nobody else can have it
        flags = IFA_F_PERMANENT | IFA_F_NODAD if spec.address.version == 6 else 0
        with refusals(operation, ignored=(errno.EEXIST,)):
            await socket.addr(
                "add",
                index=index,
                family=_family(spec),
                address=str(spec.address.ip),
                prefixlen=spec.address.network.prefixlen,
                scope=int(Scope.GLOBAL),
                flags=flags,
            )

    async def _delete(self, socket: RouteSocket, spec: AddressSpec) -> None:
        index = await link_index(socket, spec.link)
        if index is None:
            return
        operation = f"remove address {spec.address} from {spec.link}"
        with refusals(operation, ignored=GONE):
            await socket.addr(
                "del",
                index=index,
                family=_family(spec),
                address=str(spec.address.ip),
                prefixlen=spec.address.network.prefixlen,
            )


def _family(spec: AddressSpec) -> Family:
    return Family.INET if spec.address.version == 4 else Family.INET6
