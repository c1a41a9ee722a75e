"""At which addresses the configured discovery services are reached.

The packet filter keeps TCP to and from these out of the tunnel where it would be forced
into it: discovery must never depend on the mesh.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from socket import AF_INET, AF_INET6, SOCK_STREAM
from typing import Final, TypeAlias

from kubespan.engine.edges import Publisher
from kubespan.model.address import IPAddress
from kubespan.model.endpoint import Endpoint
from kubespan.model.registry import ServiceAddress
from kubespan.protocol.redirect import is_target

LOOK_S: Final = 60.0
"""How often names are resolved again."""
UNKNOWN_LOOK_S: Final = 5.0
"""The same while a name has never been resolved."""
ADDRESSES_MAX: Final = 16
LOOKUPS_MAX: Final = 2
"""At once. One cannot be called off: it keeps a thread, which others need, for as long
as the system's resolver takes; so it keeps its turn as well."""

Resolve: TypeAlias = Callable[[str], Awaitable[Iterable[IPAddress]]]


async def resolve(host: str) -> list[IPAddress]:
    """Return a host name's addresses as the system knows them; OSError if none."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, None, type=SOCK_STREAM)
    ipv4 = [IPv4Address(where[0]) for family, *_, where in found if family == AF_INET]
    ipv6 = [IPv6Address(where[0]) for family, *_, where in found if family == AF_INET6]
    return [*ipv4, *ipv6]


class ServiceAddresses:
    """The source of ServiceAddress, told what to resolve by :meth:`deliver`.

    :meth:`deliver` may be called before :meth:`run`; then addresses are known at once.

    Args:
        resolve: from a host name to its addresses.
    """

    def __init__(self, resolve: Resolve = resolve) -> None:
        self._resolve = resolve
        self._targets: dict[str, str] = {}
        self._known: dict[str, tuple[IPAddress, ...]] = {}
        self._under_way: set[str] = set()
        self._turn = asyncio.Semaphore(LOOKUPS_MAX)
        self._changed = asyncio.Event()

    def deliver(self, targets: Mapping[str, str]) -> None:
        """Note where services are: ``host:port`` by name; never blocks."""
        if targets != self._targets:
            self._targets = dict(targets)
            self._changed.set()

    async def run(self, publisher: Publisher) -> None:
        """Publish what is known at once, then what names turn out to be; a ``Source``.

        What does not resolve keeps its last addresses.
        """
        self._under_way.clear()
        async with asyncio.TaskGroup() as group:
            while True:
                self._changed.clear()
                hosts = self._hosts()
                for host in self._known.keys() - hosts:
                    del self._known[host]
                self._publish(publisher)
                for host in hosts - self._under_way:
                    self._under_way.add(host)
                    group.create_task(self._look(host, publisher))
                await self._wait()

    async def _wait(self) -> None:
        """Sleep until something changed or is to be looked at again."""
        all_known = self._hosts() <= self._known.keys()
        try:
            async with asyncio.timeout(LOOK_S if all_known else UNKNOWN_LOOK_S):
                await self._changed.wait()
        except TimeoutError:
            return

    async def _look(self, host: str, publisher: Publisher) -> None:
        try:
            async with self._turn:
                found = tuple(await self._resolve(host))
        except (OSError, ValueError):  # no such name, no answer, no name at all
            return
        finally:
            self._under_way.discard(host)
        if found and host in self._hosts():
            self._known[host] = found
            self._publish(publisher)

    def _hosts(self) -> set[str]:
        return set(filter(None, map(_host_name, self._targets.values())))

    def _publish(self, publisher: Publisher) -> None:
        found = {name: self._endpoints(text) for name, text in self._targets.items()}
        publisher.replace(
            ServiceAddress,
            [ServiceAddress(name, where) for name, where in found.items() if where],
        )

    def _endpoints(self, target: str) -> tuple[Endpoint, ...]:
        """Return where a target is, as far as known; empty for what is no target."""
        if not is_target(target):
            return ()
        host, _, port = target.rpartition(":")
        literal = _literal(host)
        ips = self._known.get(host, ()) if literal is None else (literal,)
        plain = {Endpoint(type(ip)(int(ip)), int(port)).unmapped for ip in ips}
        in_order = sorted(plain, key=lambda one: (one.ip.version, int(one.ip)))
        return tuple(in_order[:ADDRESSES_MAX])


def _host_name(target: str) -> str:
    """Return the name a target must be resolved by; empty if there is none."""
    host = target.rpartition(":")[0]
    return host if is_target(target) and _literal(host) is None else ""


def _literal(host: str) -> IPAddress | None:
    """Return the address a host is written as, IPv6 in brackets; None for a name."""
    try:
        if host.startswith("["):
            return IPv6Address(host.strip("[]"))
        return IPv4Address(host)
    except AddressValueError:
        return None
