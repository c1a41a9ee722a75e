import asyncio
import socket

import pytest

from kubespan.drivers.host.netlink_monitor import (
    PAUSE_S,
    NetlinkMonitor,
    nftables_monitor,
    route_monitor,
)
from kubespan.errors import DriverError
from tests.netns_support import Namespace

HINT_WITHIN_S = 5.0
QUIET_S = PAUSE_S + 0.3


class Hints:
    """Hints heard from a monitor that runs while ``body`` does."""

    def __init__(self, namespace: Namespace) -> None:
        self._namespace = namespace
        self.count = 0
        self._heard = asyncio.Event()

    def on_hint(self) -> None:
        self.count += 1
        self._heard.set()

    async def after(self, command: str) -> bool:
        """Run a command; tell whether a hint followed."""
        self._heard.clear()
        await asyncio.to_thread(self._namespace.sh, command)
        try:
            async with asyncio.timeout(HINT_WITHIN_S):
                await self._heard.wait()
        except TimeoutError:
            return False
        return True

    async def quiet_after(self, command: str) -> bool:
        """Run a command; tell whether no hint followed for a while."""
        self._heard.clear()
        await asyncio.to_thread(self._namespace.sh, command)
        await asyncio.sleep(QUIET_S)
        return not self._heard.is_set()


@pytest.mark.netns
def test_links_addresses_routes_rules_and_switches_are_heard(
    namespace: Namespace,
) -> None:
    async def body() -> list[bool]:
        hints = Hints(namespace)
        async with asyncio.TaskGroup() as group:
            running = group.create_task(route_monitor(hints.on_hint).run())
            await asyncio.sleep(0)
            heard = [
                await hints.after(command)
                for command in (
                    "ip link add kubespan type veth peer name far",
                    "ip link set kubespan up",
                    "ip addr add 10.0.0.1/24 dev kubespan",
                    "ip addr add fd00::1/64 dev kubespan",
                    "ip route add blackhole 10.9.0.0/16",
                    "ip rule add priority 7 lookup 180",
                    "ip -6 rule add priority 7 lookup 180",
                    "echo 1 >/proc/sys/net/ipv4/conf/kubespan/rp_filter",
                    "echo 1 >/proc/sys/net/ipv6/conf/all/forwarding",
                    "ip link del kubespan",
                )
            ]
            running.cancel()
        return heard

    assert namespace.run(body) == [True] * 10


@pytest.mark.netns
def test_only_our_own_table_of_the_firewall_is_heard(namespace: Namespace) -> None:
    names = ["kubespan"]

    async def body() -> list[bool]:
        hints = Hints(namespace)
        async with asyncio.TaskGroup() as group:
            monitor = nftables_monitor(lambda: names, hints.on_hint)
            running = group.create_task(monitor.run())
            await asyncio.sleep(0)
            heard = [
                await hints.after("nft add table inet kubespan"),
                await hints.after("nft add chain inet kubespan one"),
                await hints.after("nft add rule inet kubespan one accept"),
            ]
            await asyncio.sleep(QUIET_S)
            heard += [
                await hints.quiet_after("nft add table inet kubespan2"),
                await hints.quiet_after("nft add table ip other"),
                await hints.after("nft flush ruleset"),
            ]
            await asyncio.sleep(QUIET_S)
            names[:] = ["mesh", "mesh2"]
            heard += [
                await hints.quiet_after("nft add table inet kubespan"),
                await hints.after("nft add table inet mesh2"),
            ]
            running.cancel()
        return heard

    assert namespace.run(body) == [True] * 8


@pytest.mark.netns
def test_burst_makes_few_hints_and_overflow_makes_one_more(
    namespace: Namespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "kubespan.drivers.host.netlink_monitor.RECEIVE_BUFFER_BYTES", 4096
    )
    burst = (
        "for i in $(seq 1 2000); do"
        " echo route add blackhole 10.$((i/250)).$((i%250)).0/24; done"
    )

    async def body() -> tuple[bool, int, bool]:
        hints = Hints(namespace)
        async with asyncio.TaskGroup() as group:
            running = group.create_task(route_monitor(hints.on_hint).run())
            await asyncio.sleep(0)
            heard = await hints.after(f"{burst} | ip -batch -")
            count = hints.count
            still = await hints.after("ip link add name a type veth peer name b")
            running.cancel()
        return heard, count, still

    heard, count, still = namespace.run(body)

    assert heard
    assert count < 10
    assert still


async def test_what_cannot_be_heard_is_said() -> None:
    no_such_protocol = 31
    monitor = NetlinkMonitor(no_such_protocol, 1, lambda: None)

    with pytest.raises(DriverError, match="listen to the kernel"):
        await monitor.run()


async def test_first_hint_comes_before_any_event() -> None:
    hinted = asyncio.Event()
    monitor = NetlinkMonitor(socket.NETLINK_ROUTE, 0, hinted.set)

    async with asyncio.timeout(HINT_WITHIN_S), asyncio.TaskGroup() as group:
        running = group.create_task(monitor.run())
        await hinted.wait()
        running.cancel()
