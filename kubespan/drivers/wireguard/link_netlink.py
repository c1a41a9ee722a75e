"""Links by rtnetlink: find, add, mark as ours, set up, delete."""

import errno
from dataclasses import dataclass
from typing import Any, Final

from kubespan.drivers.host.netlink import Message, RouteSocket, messages, refusals

ALIAS: Final = "kubespan"
"""The alias (``ip link show``) of every link that is ours."""
KERNEL_KIND: Final = "wireguard"
PROGRAM_KIND: Final = "tun"
_UP: Final = 0x1
# No link-local address, as in a WireGuard of the kernel: nobody could answer it.
_NO_ADDRESSES: Final = {
    "attrs": [("AF_INET6", {"attrs": [("IFLA_INET6_ADDR_GEN_MODE", 1)]})]
}


@dataclass(frozen=True, slots=True)
class HostLink:
    """Any link of the host.

    Attributes:
        kind: as ``ip link add type`` calls it; empty for hardware.
        ours: carries our alias.
    """

    index: int
    name: str
    kind: str
    mtu_bytes: int
    up: bool
    ours: bool


async def find_link(netlink: RouteSocket, name: str) -> HostLink | None:
    """Return a link; None if there is none of that name.

    Raises:
        DriverError: refused.
    """
    found: list[Message] = []
    with refusals(f"find link {name}", ignored=(errno.ENODEV,)):
        found = await messages(netlink.link("get", ifname=name))
    return _host_link(found[0]) if found else None


async def list_our_links(netlink: RouteSocket) -> list[HostLink]:
    """Return the links that carry our alias.

    Raises:
        DriverError: refused.
    """
    with refusals("list links"):
        found = await messages(netlink.link("dump"))
    return [link for link in map(_host_link, found) if link.ours]


async def add_kernel_link(netlink: RouteSocket, name: str) -> None:
    """Create a WireGuard link of the kernel, down and without our alias.

    Raises:
        DriverError: refused; ``EOPNOTSUPP`` if this kernel has no WireGuard.
    """
    with refusals(f"create WireGuard link {name}"):
        await netlink.link("add", ifname=name, kind=KERNEL_KIND)


async def settle_link(netlink: RouteSocket, link: HostLink, mtu_bytes: int) -> None:
    """Mark a link as ours, give it its MTU and set it up.

    Raises:
        DriverError: refused; what stands before it stays done.
    """
    steps: list[tuple[str, dict[str, Any]]] = [
        (f"mark link {link.name} as ours", {"ifalias": ALIAS}),
        (f"set MTU {mtu_bytes} of link {link.name}", {"mtu": mtu_bytes}),
        (f"set link {link.name} up", {"state": "up"}),
    ]
    if link.kind == PROGRAM_KIND and not link.up:
        with refusals("keep link-local addresses off", (errno.EAFNOSUPPORT,)):
            await netlink.link("set", index=link.index, IFLA_AF_SPEC=_NO_ADDRESSES)
    for operation, request in steps:
        with refusals(operation):
            await netlink.link("set", index=link.index, **request)


async def delete_link(netlink: RouteSocket, link: HostLink) -> None:
    """Delete a link; one that has gone meanwhile is no error.

    Raises:
        DriverError: refused.
    """
    with refusals(f"delete link {link.name}", ignored=(errno.ENODEV,)):
        await netlink.link("del", index=link.index)


def _host_link(message: Message) -> HostLink:
    info = message.get_attr("IFLA_LINKINFO")
    return HostLink(
        index=int(message["index"]),
        name=str(message.get_attr("IFLA_IFNAME")),
        kind=str(info.get_attr("IFLA_INFO_KIND") or "") if info else "",
        mtu_bytes=int(message.get_attr("IFLA_MTU") or 0),
        up=bool(message["flags"] & _UP),
        ours=message.get_attr("IFLA_IFALIAS") == ALIAS,
    )
