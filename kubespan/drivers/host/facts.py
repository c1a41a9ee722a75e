"""What the host is and has: names, links and addresses, watched for change.

Addresses of IPv6 that are temporary (privacy extensions), still tentative or already
deprecated are left out: peers would learn them only to lose them. The name is the
kernel's; nobody is asked over the network.
"""

import asyncio
import platform
import socket
from collections.abc import Callable
from ipaddress import ip_interface
from typing import Final

from kubespan.drivers.host.netlink import (
    Message,
    OpenSocket,
    messages,
    open_route_socket,
    refusals,
)
from kubespan.engine.edges import Publisher
from kubespan.model.host import HostAddress, HostFacts, HostLink

LOOK_EVERY_S: Final = 30.0
PAUSE_S: Final = 1.0
"""Hosts whose links come and go all the time are looked at no more often than this."""
ARPHRD_ETHER: Final = 1
IFA_F_TEMPORARY: Final = 0x01
IFA_F_OPTIMISTIC: Final = 0x04
IFA_F_DADFAILED: Final = 0x08
IFA_F_DEPRECATED: Final = 0x20
IFA_F_TENTATIVE: Final = 0x40
UP_STATES: Final = ("UP", "UNKNOWN")
UNKNOWN_SYSTEM: Final = "Linux"


class HostSource:
    """Publishes one ``HostFacts``, at start, when hinted and every 30 seconds.

    Args:
        open_socket: how to reach the kernel.
        hostname: how to read the host's name.
    """

    def __init__(
        self,
        open_socket: OpenSocket = open_route_socket,
        hostname: Callable[[], str] = socket.gethostname,
    ) -> None:
        self._open_socket = open_socket
        self._hostname = hostname
        self._wake = asyncio.Event()

    def hint(self) -> None:
        """Say that something may have changed: look again soon."""
        self._wake.set()

    async def run(self, publisher: Publisher) -> None:
        """Publish for ever; a ``Source``.

        Raises:
            DriverError: the kernel does not answer.
        """
        while True:
            self._wake.clear()
            publisher.replace(HostFacts, [await self.observe()])
            await asyncio.sleep(PAUSE_S)
            try:
                async with asyncio.timeout(LOOK_EVERY_S - PAUSE_S):
                    await self._wake.wait()
            except TimeoutError:
                continue

    async def observe(self) -> HostFacts:
        """Return the facts as they are."""
        # decoding takes 0.3 ms per link, and a host of many pods has many links
        return await asyncio.to_thread(lambda: asyncio.run(self._observe()))

    async def _observe(self) -> HostFacts:
        async with self._open_socket() as opened:
            with refusals("list links"):
                links = await messages(opened.link("dump"))
            with refusals("list addresses"):
                addresses = await messages(opened.addr("dump"))
        name, _, domain = self._hostname().partition(".")
        return HostFacts(
            hostname=name,
            domainname=domain,
            operating_system=read_operating_system(),
            links=tuple(sorted(map(_link, links), key=lambda link: link.name)),
            addresses=_addresses(links, addresses),
        )


def read_operating_system() -> str:
    """Return the host's name for itself, such as ``Debian GNU/Linux 12 (bookworm)``."""
    try:
        return platform.freedesktop_os_release().get("PRETTY_NAME", UNKNOWN_SYSTEM)
    except (OSError, UnicodeDecodeError):
        return UNKNOWN_SYSTEM


def _link(message: Message) -> HostLink:
    linkinfo = message.get_attr("IFLA_LINKINFO")
    kind = (linkinfo.get_attr("IFLA_INFO_KIND") if linkinfo is not None else None) or ""
    ethernet = message["ifi_type"] == ARPHRD_ETHER
    physical = ethernet and not kind
    carrier = message.get_attr("IFLA_CARRIER") == 1
    return HostLink(
        name=message.get_attr("IFLA_IFNAME"),
        kind=kind,
        ethernet=ethernet,
        hardware_address=_hardware_address(message.get_attr("IFLA_ADDRESS")),
        up=message.get_attr("IFLA_OPERSTATE") in UP_STATES
        and (carrier or not physical),
    )


def _hardware_address(text: str | None) -> bytes:
    """Return the bytes of colon-separated hex; empty for anything else."""
    try:
        return bytes.fromhex((text or "").replace(":", ""))
    except ValueError:
        return b""


def _addresses(
    links: list[Message], addresses: list[Message]
) -> tuple[HostAddress, ...]:
    """Return usable addresses, sorted by link name, then as the kernel lists them."""
    name_by_index = {link["index"]: link.get_attr("IFLA_IFNAME") for link in links}
    found = [
        HostAddress(
            link=name_by_index[message["index"]],
            address=ip_interface(f"{text}/{message['prefixlen']}"),
            scope=message["scope"],
        )
        for message in addresses
        # a link may have gone between the two questions
        if message["index"] in name_by_index and _lasts(message)
        # on a point-to-point link IFA_ADDRESS is the other end
        if (text := message.get_attr("IFA_LOCAL") or message.get_attr("IFA_ADDRESS"))
    ]
    return tuple(sorted(found, key=lambda address: address.link))


def _lasts(message: Message) -> bool:
    """Tell whether an address is usable now and meant to stay."""
    flags = message.get_attr("IFA_FLAGS") or message["flags"]
    if flags & (IFA_F_DEPRECATED | IFA_F_DADFAILED):
        return False
    if message["family"] == socket.AF_INET6 and flags & IFA_F_TEMPORARY:
        # the same bit means "secondary" in IPv4, which is harmless
        return False
    return not flags & IFA_F_TENTATIVE or bool(flags & IFA_F_OPTIMISTIC)
