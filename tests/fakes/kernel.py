"""Links, addresses, routes and rules of a kernel, in memory, with its refusals.

Speaks as pyroute2's socket does, so that the drivers themselves run on it.
``tests/contracts`` keeps it honest.
"""

import errno
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from pyroute2.netlink.exceptions import NetlinkError

MAIN_TABLE = 254


class FakeMessage(dict):
    """Header fields as items, attributes by name; None is an attribute not there."""

    def __init__(self, attributes: dict[str, Any], **header: Any) -> None:
        super().__init__(header)
        self.attributes = attributes

    def get_attr(self, name: str) -> Any:
        return self.attributes.get(name)


class FakeKernel:
    """Open it as often as wanted: it is its own socket.

    Attributes:
        refused: errno to answer with, by subject and command: ``("rule", "add")``.
        asked: every change asked for, in order.
    """

    def __init__(self) -> None:
        self.indices: dict[str, int] = {"lo": 1}
        self.links: dict[int, FakeMessage] = {}
        self.addresses: list[FakeMessage] = []
        self.routes: list[FakeMessage] = []
        self.rules: list[FakeMessage] = []
        self.refused: dict[tuple[str, str], int] = {}
        self.asked: list[tuple[str, str, dict[str, Any]]] = []
        self.add_link("lo", ifi_type=772)

    @asynccontextmanager
    async def open(self) -> AsyncIterator["FakeKernel"]:
        self._note("socket", "open", {})
        yield self

    def add_link(
        self, name: str, ifi_type: int = 1, kind: str = "", **attributes: Any
    ) -> int:
        index = self.indices.setdefault(name, len(self.indices) + 1)
        shown = {
            "IFLA_IFNAME": name,
            "IFLA_OPERSTATE": "UP",
            "IFLA_CARRIER": 1,
            "IFLA_ADDRESS": "02:00:00:00:00:01",
        }
        if kind:
            shown["IFLA_LINKINFO"] = FakeMessage({"IFLA_INFO_KIND": kind})
        shown |= attributes
        self.links[index] = FakeMessage(shown, index=index, ifi_type=ifi_type)
        return index

    def remove_link(self, name: str) -> None:
        index = self.indices.pop(name)
        del self.links[index]
        self.addresses = [seen for seen in self.addresses if seen["index"] != index]
        self.routes = [
            seen for seen in self.routes if seen.get_attr("RTA_OIF") != index
        ]

    async def link(self, command: str, **request: Any) -> list[FakeMessage]:
        self._note("link", command, request)
        if command == "dump":
            return list(self.links.values())
        if request["ifname"] not in self.indices:
            raise NetlinkError(errno.ENODEV)
        return [self.links[self.indices[request["ifname"]]]]

    async def addr(self, command: str, **request: Any) -> list[FakeMessage]:
        self._note("addr", command, request)
        index = request.get("index")
        if command == "dump":
            return [seen for seen in self.addresses if index in (None, seen["index"])]
        if index not in self.links:
            raise NetlinkError(errno.ENODEV)
        there = [
            seen
            for seen in self.addresses
            if (seen["index"], seen.get_attr("IFA_ADDRESS"))
            == (index, request["address"])
        ]
        if command == "del":
            if not there or there[0]["prefixlen"] != request["prefixlen"]:
                raise NetlinkError(errno.EADDRNOTAVAIL)
            self.addresses.remove(there[0])
            return []
        if there:
            raise NetlinkError(errno.EEXIST)
        self.addresses.append(
            FakeMessage(
                {"IFA_ADDRESS": request["address"], "IFA_FLAGS": request["flags"]},
                index=index,
                family=request["family"],
                prefixlen=request["prefixlen"],
                scope=request["scope"],
                flags=request["flags"] & 0xFF,
            )
        )
        return []

    async def route(self, command: str, **request: Any) -> list[FakeMessage]:
        self._note("route", command, request)
        if command == "dump":
            wanted = (request["family"], request["table"])
            return [
                seen
                for seen in self.routes
                if (seen["family"], seen.get_attr("RTA_TABLE")) == wanted
            ]
        fresh = FakeMessage(
            {
                "RTA_TABLE": request.get("table", MAIN_TABLE),
                "RTA_OIF": request.get("oif"),
                "RTA_PRIORITY": request["priority"],
                "RTA_METRICS": FakeMessage(
                    {"RTAX_MTU": request.get("metrics", {}).get("mtu")}
                ),
            },
            family=request["family"],
            proto=request["proto"],
            type=7 if request.get("type") == "unreachable" else 1,
            dst_len=0,
        )
        there = [
            seen for seen in self.routes if _route_place(seen) == _route_place(fresh)
        ]
        if command == "del":
            mine = [
                seen
                for seen in there
                if (seen["proto"], seen.get_attr("RTA_OIF"))
                == (request["proto"], request.get("oif"))
            ]
            if not mine:
                raise NetlinkError(errno.ESRCH)
            self.routes.remove(mine[0])
            return []
        if fresh["type"] == 1 and request["oif"] not in self.links:
            raise NetlinkError(errno.ENODEV)
        if there and command == "add":
            raise NetlinkError(errno.EEXIST)
        for seen in there:
            self.routes.remove(seen)
        self.routes.append(fresh)
        return []

    async def rule(self, command: str, **request: Any) -> list[FakeMessage]:
        self._note("rule", command, request)
        if command == "dump":
            return [seen for seen in self.rules if seen["family"] == request["family"]]
        fresh = FakeMessage(
            {
                "FRA_PRIORITY": request["priority"],
                "FRA_TABLE": request["table"],
                "FRA_FWMARK": request.get("fwmark"),
                "FRA_FWMASK": request.get("fwmask"),
                "FRA_PROTOCOL": request["protocol"],
                "FRA_IIFNAME": request.get("iifname"),
            },
            family=request["family"],
            action=1,
            flags=0,
            tos=0,
        )
        there = [seen for seen in self.rules if _same_rule(seen, fresh)]
        if command == "del":
            if not there:
                raise NetlinkError(errno.ENOENT)
            self.rules.remove(there[0])
        elif there:
            raise NetlinkError(errno.EEXIST)
        else:
            self.rules.append(fresh)
        return []

    def _note(self, subject: str, command: str, request: dict[str, Any]) -> None:
        if command not in ("dump", "get", "open"):
            self.asked.append((subject, command, request))
        if (subject, command) in self.refused:
            raise NetlinkError(self.refused[subject, command])


def _route_place(route: FakeMessage) -> tuple[Any, ...]:
    return (
        route["family"],
        route.get_attr("RTA_TABLE"),
        route.get_attr("RTA_PRIORITY"),
    )


def _same_rule(one: FakeMessage, other: FakeMessage) -> bool:
    """Compare as the kernel does: who made it does not count."""
    names = [name for name in one.attributes if name != "FRA_PROTOCOL"]
    return one["family"] == other["family"] and all(
        one.get_attr(name) == other.get_attr(name) for name in names
    )
