"""What ``Routes`` promises, on a kernel in memory and on the real one."""

from dataclasses import replace

import pytest

from kubespan.drivers.host.routes import Routes
from kubespan.errors import DriverError
from kubespan.logic.diff import diff
from kubespan.model.network import Family, RouteSpec
from tests.contracts.kernels import LINK, Kernel, ask, kernel

__all__ = ["kernel"]

IPV4 = RouteSpec(Family.INET, table=180, link=LINK, metric=1, mtu_bytes=1420)
IPV6 = replace(IPV4, family=Family.INET6)
SMALLER = replace(IPV4, mtu_bytes=1380)
LATER = replace(IPV4, metric=2)
NOWHERE4 = RouteSpec(Family.INET, table=180, link="", metric=65535, mtu_bytes=0)
NOWHERE6 = replace(NOWHERE4, family=Family.INET6)


def keyed(*specs: RouteSpec) -> dict[str, RouteSpec]:
    return {spec.key: spec for spec in specs}


def converge(kernel: Kernel, *specs: RouteSpec) -> dict[str, RouteSpec]:
    driver = Routes(LINK, open_socket=kernel.open)

    async def body() -> dict[str, RouteSpec]:
        await driver.apply(diff(keyed(*specs), await driver.observe()))
        return await driver.observe()

    return kernel.run(body)


@pytest.mark.checklist(46)
@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param((), (IPV4, IPV6), id="both families"),
        pytest.param((IPV4, IPV6), (SMALLER, IPV6), id="another MTU"),
        pytest.param((IPV4,), (LATER,), id="another metric"),
        pytest.param((), (IPV4, IPV6, NOWHERE4, NOWHERE6), id="nowhere behind"),
        pytest.param((IPV4, NOWHERE4, NOWHERE6), (IPV4,), id="nowhere no more"),
        pytest.param((IPV4, IPV6), (), id="none"),
    ],
)
def test_what_is_wanted_is_what_is_seen(
    kernel: Kernel, before: tuple[RouteSpec, ...], after: tuple[RouteSpec, ...]
) -> None:
    kernel.add_link(LINK)
    converge(kernel, *before)

    found = converge(kernel, *after)

    assert found == keyed(*after)


def test_routes_go_with_their_link_and_come_back_with_it(kernel: Kernel) -> None:
    kernel.add_link(LINK)
    converge(kernel, IPV4, IPV6)
    kernel.remove_link(LINK)

    without = kernel.run(Routes(LINK, open_socket=kernel.open).observe)
    kernel.add_link(LINK)

    assert without == {}
    assert converge(kernel, IPV4, IPV6) == keyed(IPV4, IPV6)


def test_unreachable_route_stays_while_the_link_is_away(kernel: Kernel) -> None:
    kernel.add_link(LINK)
    converge(kernel, IPV4, NOWHERE4)
    kernel.remove_link(LINK)

    found = kernel.run(Routes(LINK, open_socket=kernel.open).observe)

    assert found == keyed(NOWHERE4)


def test_applying_twice_is_harmless(kernel: Kernel) -> None:
    kernel.add_link(LINK)
    driver = Routes(LINK, open_socket=kernel.open)

    async def body() -> dict[str, RouteSpec]:
        for _ in range(2):
            await driver.apply(diff(keyed(IPV4, IPV6), {}))
        found = await driver.observe()
        for _ in range(2):
            await driver.apply(diff({}, keyed(IPV4, IPV6)))
        return found

    assert kernel.run(body) == keyed(IPV4, IPV6)
    assert kernel.run(driver.observe) == {}


def test_a_route_of_somebody_else_in_its_place_is_named_and_stops_no_other(
    kernel: Kernel,
) -> None:
    kernel.add_link(LINK)
    foreign = {"family": 2, "dst": "default", "table": 180, "proto": 4, "priority": 1}
    kernel.run(lambda: ask(kernel, "route", "add", oif="other", **foreign))

    with pytest.raises(
        DriverError, match=r"inet route default .*another route"
    ) as said:
        converge(kernel, IPV4, IPV6)

    assert "inet6" not in str(said.value)
    assert kernel.run(Routes(LINK, open_socket=kernel.open).observe) == keyed(IPV6)


def test_routes_that_do_not_carry_our_mark_are_not_ours(kernel: Kernel) -> None:
    kernel.add_link(LINK)
    made_by_hand = {"family": 2, "dst": "default", "oif": LINK, "priority": 7}
    for table, proto in ((180, 3), (181, 4)):
        kernel.run(
            lambda table=table, proto=proto: ask(
                kernel, "route", "add", **made_by_hand, table=table, proto=proto
            )
        )

    assert kernel.run(Routes(LINK, open_socket=kernel.open).observe) == {}


def test_without_the_link_a_route_is_refused_and_its_removal_is_not(
    kernel: Kernel,
) -> None:
    driver = Routes(LINK, open_socket=kernel.open)

    with pytest.raises(DriverError, match="no such link"):
        kernel.run(lambda: driver.apply(diff(keyed(IPV4), {})))
    kernel.run(lambda: driver.apply(diff({}, keyed(IPV4))))
