"""Default routes into one link, or nowhere, in a table of their own, by rtnetlink.

Source:
    kubespan.md section 4.7.
"""

import errno

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
from kubespan.model.constants import PROTOCOL_STATIC, ROUTING_TABLE
from kubespan.model.diff import Diff
from kubespan.model.host import Scope
from kubespan.model.network import Family, RouteSpec

RTN_UNICAST = 1
RTN_UNREACHABLE = 7
GONE = (errno.ESRCH, errno.ENOENT, errno.ENODEV)
METRIC_UNSPECIFIED = 0


class Routes:
    """Static default routes of our table, into our link or nowhere; no others.

    Args:
        link: its name; the kernel removes our routes together with it.
        table: number of the table.
        open_socket: how to reach the kernel.
    """

    def __init__(
        self,
        link: str,
        table: int = ROUTING_TABLE,
        open_socket: OpenSocket = open_route_socket,
    ) -> None:
        self._link = link
        self._table = table
        self._open_socket = open_socket

    async def observe(self) -> dict[str, RouteSpec]:
        """Return our routes of both families by key."""
        async with self._open_socket() as socket:
            index = await link_index(socket, self._link)
            found = [
                self._spec(message)
                for family in Family
                for message in await self._dump(socket, family)
                if self._is_ours(message, index)
            ]
        return {spec.key: spec for spec in found}

    async def apply(self, changes: Diff[str, RouteSpec]) -> None:
        """Make the changes; new ones before old ones go, so that one always serves.

        Raises:
            DriverError: the kernel refused some; the others are done.
        """
        failures = Failures(f"change routes into {self._link}")
        async with self._open_socket() as socket:
            for spec in changes.create.values():
                with failures.kept():
                    await self._put(socket, spec, "add")
            for spec in changes.update.values():
                with failures.kept():
                    await self._put(socket, spec, "replace")
            for spec in changes.delete.values():
                with failures.kept():
                    await self._delete(socket, spec)
        failures.raise_if_any()

    async def _dump(self, socket: RouteSocket, family: Family) -> list[Message]:
        operation = f"list {family.name.lower()} routes of table {self._table}"
        found: list[Message] = []
        # a table that never had a route, or a kernel without the family: no routes
        with refusals(operation, ignored=(errno.ENOENT, errno.EAFNOSUPPORT)):
            # filtered by the kernel; pyroute2's filter would decode all other tables
            dump = {"family": family, "table": self._table, "dump_filter": None}
            found = await messages(socket.route("dump", **dump))
        return [message for message in found if message["family"] == family]

    def _is_ours(self, message: Message, index: int | None) -> bool:
        table = message.get_attr("RTA_TABLE")
        seen = (table, message["proto"], message["dst_len"])
        into = (
            message["type"] == RTN_UNICAST
            and index is not None
            and message.get_attr("RTA_OIF") == index
        )
        leads = into or message["type"] == RTN_UNREACHABLE
        return seen == (self._table, PROTOCOL_STATIC, 0) and leads

    def _spec(self, message: Message) -> RouteSpec:
        metrics = message.get_attr("RTA_METRICS")
        return RouteSpec(
            family=Family(message["family"]),
            table=self._table,
            link=self._link if message["type"] == RTN_UNICAST else "",
            metric=message.get_attr("RTA_PRIORITY") or METRIC_UNSPECIFIED,
            mtu_bytes=(metrics.get_attr("RTAX_MTU") if metrics is not None else None)
            or 0,
        )

    async def _put(self, socket: RouteSocket, spec: RouteSpec, command: str) -> None:
        operation = f"{command} {_words(spec)}"
        where = await self._where(socket, spec)
        if where is None:
            raise DriverError(operation, "there is no such link", errno.ENODEV)
        try:
            with refusals(operation):
                await socket.route(command, **_identity(spec), **where)
        except DriverError as error:
            # ours, made a moment ago, or somebody else's in its place
            if error.errno != errno.EEXIST:
                raise
            if (await self.observe()).get(spec.key) != spec:
                reason = "another route takes its place; remove that one"
                raise DriverError(operation, reason, errno.EEXIST) from error

    async def _delete(self, socket: RouteSocket, spec: RouteSpec) -> None:
        where = await self._where(socket, spec)
        if where is None:
            return
        where.pop("metrics", None)
        with refusals(f"remove {_words(spec)}", ignored=GONE):
            await socket.route("del", **_identity(spec), **where)

    async def _where(
        self, socket: RouteSocket, spec: RouteSpec
    ) -> dict[str, object] | None:
        """Return where a route leads; None if there is no such link."""
        if not spec.link:
            return {"type": "unreachable"}
        index = await link_index(socket, spec.link)
        if index is None:
            return None
        return {
            "oif": index,
            "scope": int(Scope.GLOBAL),
            "type": "unicast",
            "metrics": {"mtu": spec.mtu_bytes},
        }


def _identity(spec: RouteSpec) -> dict[str, object]:
    """Return what tells a route from all others, besides where it leads."""
    return {
        "family": int(spec.family),
        "dst": "default",
        "table": spec.table,
        "proto": PROTOCOL_STATIC,
        "priority": spec.metric,
    }


def _words(spec: RouteSpec) -> str:
    family = spec.family.name.lower()
    target = f"default dev {spec.link}" if spec.link else "unreachable default"
    return f"{family} route {target} table {spec.table}"
