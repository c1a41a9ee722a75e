import errno
from contextlib import asynccontextmanager

import pytest

from kubespan.drivers.host.netlink import (
    Message,
    RouteSocket,
    messages,
    open_route_socket,
)
from kubespan.drivers.host.routes import Routes
from kubespan.errors import DriverError
from kubespan.logic.diff import diff
from kubespan.model.network import Family, RouteSpec
from tests.fakes.kernel import FakeKernel
from tests.netns_support import Namespace

IPV4 = RouteSpec(Family.INET, table=180, link="kubespan", metric=1, mtu_bytes=1420)
IPV6 = RouteSpec(Family.INET6, table=180, link="kubespan", metric=1, mtu_bytes=1420)
BOTH = {spec.key: spec for spec in (IPV4, IPV6)}


async def test_one_refused_route_stops_no_other() -> None:
    kernel = FakeKernel()
    kernel.add_link("kubespan")
    kernel.refused["route", "add"] = errno.ENETDOWN

    with pytest.raises(DriverError) as told:
        await Routes("kubespan", open_socket=kernel.open).apply(diff(BOTH, {}))

    assert len(kernel.asked) == 2
    assert str(told.value) == (
        "change routes into kubespan: "
        "add inet route default dev kubespan table 180: Network is down; "
        "add inet6 route default dev kubespan table 180: Network is down"
    )


@pytest.mark.netns
@pytest.mark.checklist(46)
def test_routes_look_as_specified(namespace: Namespace) -> None:
    namespace.sh(
        "ip link add kubespan type veth peer name far;"
        "ip link set far up; ip link set kubespan up"
    )

    namespace.run(lambda: Routes("kubespan").apply(diff(BOTH, {})))

    # kubespan.md appendix A
    expected = "default dev kubespan proto static metric 1 mtu 1420"
    assert namespace.sh("ip route show table 180").strip() == expected
    ipv6 = namespace.sh("ip -6 route show table 180").strip()
    assert ipv6 == f"{expected} pref medium"


@pytest.mark.netns
def test_host_without_ipv6_is_told_so_and_keeps_ipv4(namespace: Namespace) -> None:
    namespace.sh(
        "ip link add kubespan type veth peer name far; ip link set kubespan up;"
        "sysctl -qw net.ipv6.conf.all.disable_ipv6=1"
    )
    driver = Routes("kubespan")

    with pytest.raises(DriverError, match=r"inet6 route .*IPv6 is disabled"):
        namespace.run(lambda: driver.apply(diff(BOTH, {})))

    assert namespace.run(driver.observe) == {IPV4.key: IPV4}


@pytest.mark.netns
def test_link_that_is_not_up_is_named(namespace: Namespace) -> None:
    namespace.sh("ip link add kubespan type veth peer name far")

    with pytest.raises(DriverError, match="not up"):
        namespace.run(lambda: Routes("kubespan").apply(diff(BOTH, {})))


@pytest.mark.netns
def test_routes_of_other_tables_are_not_even_read(namespace: Namespace) -> None:
    namespace.sh(
        "ip link add kubespan type veth peer name far; ip link set kubespan up;"
        "for i in $(seq 0 999); do"
        " echo route add blackhole 10.$((i/250)).$((i%250)).0/24;"
        " done | ip -batch -"
    )
    read = 0

    class Counting:
        def __init__(self, socket: RouteSocket) -> None:
            self._socket = socket
            self.link = socket.link

        async def route(self, command: str, **request: object) -> list[Message]:
            nonlocal read
            found = await messages(self._socket.route(command, **request))
            read += len(found)
            return found

    @asynccontextmanager
    async def counted():
        async with open_route_socket() as socket:
            yield Counting(socket)

    namespace.run(lambda: Routes("kubespan").apply(diff(BOTH, {})))

    assert namespace.run(Routes("kubespan", open_socket=counted).observe) == BOTH
    assert read == 2
