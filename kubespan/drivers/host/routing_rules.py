"""Routing rules at our priority, by rtnetlink.

Source:
    kubespan.md section 4.7.
"""

import errno

from kubespan.drivers.host.failures import Failures
from kubespan.drivers.host.netlink import (
    Message,
    OpenSocket,
    RouteSocket,
    messages,
    open_route_socket,
    refusals,
)
from kubespan.errors import DriverError
from kubespan.model.constants import (
    MARK_FORCE,
    MARK_MASK,
    PROTOCOL_STATIC,
    ROUTING_TABLE,
    RULE_PRIORITY,
)
from kubespan.model.diff import Diff
from kubespan.model.network import Family, RoutingRuleSpec

FR_ACT_TO_TABLE = 1
ANY = 0
NARROWING = (
    "FRA_IIFNAME",
    "FRA_OIFNAME",
    "FRA_SRC",
    "FRA_DST",
    "FRA_IP_PROTO",
    "FRA_SPORT_RANGE",
    "FRA_DPORT_RANGE",
    "FRA_UID_RANGE",
    "FRA_TUN_ID",
    "FRA_L3MDEV",
)
"""Attributes that make a rule match less than ours does."""


class RoutingRules:
    """Rules that send our mark to our table; any other rule is somebody else's.

    Args:
        open_socket: how to reach the kernel.
    """

    def __init__(self, open_socket: OpenSocket = open_route_socket) -> None:
        self._open_socket = open_socket

    async def observe(self) -> dict[str, RoutingRuleSpec]:
        """Return our rules of both families by key."""
        async with self._open_socket() as socket:
            found = [
                _spec(message)
                for family in Family
                for message in await _rules_at(socket, family, RULE_PRIORITY)
                if _is_ours(message)
            ]
        return {spec.key: spec for spec in found}

    async def apply(self, changes: Diff[str, RoutingRuleSpec]) -> None:
        """Make the changes; what is already so is left so.

        Raises:
            DriverError: the kernel refused some, or the place of one is taken by a rule
                that is not ours; the others are done.
        """
        failures = Failures("change routing rules")
        async with self._open_socket() as socket:
            for spec in (*changes.create.values(), *changes.update.values()):
                with failures.kept():
                    await _add(socket, spec)
            for spec in changes.delete.values():
                with failures.kept():
                    await _delete(socket, spec)
        failures.raise_if_any()


async def _rules_at(
    socket: RouteSocket, family: Family, priority: int
) -> list[Message]:
    found: list[Message] = []
    operation = f"list {family.name.lower()} routing rules"
    # a kernel without the family has no rules of it
    with refusals(operation, ignored=(errno.EAFNOSUPPORT, errno.EOPNOTSUPP)):
        found = await messages(socket.rule("dump", family=int(family)))
    return [
        message
        for message in found
        if message["family"] == family and message.get_attr("FRA_PRIORITY") == priority
    ]


def _is_ours(message: Message) -> bool:
    return (
        message.get_attr("FRA_PROTOCOL") == PROTOCOL_STATIC
        and message.get_attr("FRA_TABLE") == ROUTING_TABLE
        and message.get_attr("FRA_FWMARK") == MARK_FORCE
        and message.get_attr("FRA_FWMASK") == MARK_MASK
        and message["action"] == FR_ACT_TO_TABLE
        and message["flags"] == ANY
        and message["tos"] == ANY
        and all(message.get_attr(name) is None for name in NARROWING)
    )


def _spec(message: Message) -> RoutingRuleSpec:
    return RoutingRuleSpec(
        family=Family(message["family"]),
        priority=message.get_attr("FRA_PRIORITY"),
        mark=message.get_attr("FRA_FWMARK"),
        mask=message.get_attr("FRA_FWMASK"),
        table=message.get_attr("FRA_TABLE"),
    )


async def _add(socket: RouteSocket, spec: RoutingRuleSpec) -> None:
    operation = f"add {_words(spec)}"
    there = await _rules_at(socket, spec.family, spec.priority)
    if not all(map(_is_ours, there)):
        reason = (
            f"priority {spec.priority} is taken by a rule that is not ours; move it "
            "to another priority"
        )
        raise DriverError(operation, reason, errno.EEXIST)
    with refusals(operation, ignored=(errno.EEXIST,)):
        await socket.rule("add", **_identity(spec))


async def _delete(socket: RouteSocket, spec: RoutingRuleSpec) -> None:
    gone = (errno.ENOENT, errno.EAFNOSUPPORT)
    with refusals(f"remove {_words(spec)}", ignored=gone):
        await socket.rule("del", **_identity(spec))


def _identity(spec: RoutingRuleSpec) -> dict[str, object]:
    """Return what tells a rule from all others."""
    return {
        "family": int(spec.family),
        "priority": spec.priority,
        "fwmark": spec.mark,
        "fwmask": spec.mask,
        "table": spec.table,
        "protocol": PROTOCOL_STATIC,
    }


def _words(spec: RoutingRuleSpec) -> str:
    mark = f"{spec.mark:#x}/{spec.mask:#x}"
    return f"{spec.family.name.lower()} rule {spec.priority} for mark {mark}"
