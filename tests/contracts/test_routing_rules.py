"""What ``RoutingRules`` promises, on a kernel in memory and on the real one."""

import pytest

from kubespan.drivers.host.routing_rules import RoutingRules
from kubespan.errors import DriverError
from kubespan.logic.diff import diff
from kubespan.model.network import Family, RoutingRuleSpec
from tests.contracts.kernels import Kernel, ask, kernel

__all__ = ["kernel"]

IPV4 = RoutingRuleSpec(Family.INET, priority=32500, mark=0x40, mask=0x60, table=180)
IPV6 = RoutingRuleSpec(Family.INET6, priority=32500, mark=0x40, mask=0x60, table=180)
OURS = {"priority": 32500, "fwmark": 0x40, "fwmask": 0x60, "table": 180, "protocol": 4}


def keyed(*specs: RoutingRuleSpec) -> dict[str, RoutingRuleSpec]:
    return {spec.key: spec for spec in specs}


def converge(kernel: Kernel, *specs: RoutingRuleSpec) -> dict[str, RoutingRuleSpec]:
    driver = RoutingRules(kernel.open)

    async def body() -> dict[str, RoutingRuleSpec]:
        await driver.apply(diff(keyed(*specs), await driver.observe()))
        return await driver.observe()

    return kernel.run(body)


@pytest.mark.checklist(46)
@pytest.mark.parametrize("before", [(), (IPV4,), (IPV4, IPV6)], ids=len)
@pytest.mark.parametrize("after", [(), (IPV6,), (IPV4, IPV6)], ids=len)
def test_what_is_wanted_is_what_is_seen(
    kernel: Kernel,
    before: tuple[RoutingRuleSpec, ...],
    after: tuple[RoutingRuleSpec, ...],
) -> None:
    converge(kernel, *before)

    found = converge(kernel, *after)

    assert found == keyed(*after)


def test_applying_twice_is_harmless(kernel: Kernel) -> None:
    driver = RoutingRules(kernel.open)

    async def body() -> dict[str, RoutingRuleSpec]:
        for _ in range(2):
            await driver.apply(diff(keyed(IPV4, IPV6), {}))
        found = await driver.observe()
        for _ in range(2):
            await driver.apply(diff({}, keyed(IPV4, IPV6)))
        return found

    assert kernel.run(body) == keyed(IPV4, IPV6)
    assert kernel.run(driver.observe) == {}


@pytest.mark.parametrize(
    "difference",
    [
        pytest.param({"protocol": 3}, id="made by hand"),
        pytest.param({"table": 100}, id="another table"),
        pytest.param({"fwmark": 0x1}, id="another mark"),
        pytest.param({"fwmask": 0xFF}, id="another mask"),
        pytest.param({"iifname": "other"}, id="only from one link"),
    ],
)
def test_a_rule_of_somebody_else_at_our_priority_is_named_and_left_alone(
    kernel: Kernel, difference: dict[str, int]
) -> None:
    foreign = {"family": 2} | OURS | difference
    kernel.run(lambda: ask(kernel, "rule", "add", **foreign))

    with pytest.raises(DriverError, match=r"inet rule 32500 .*not ours"):
        converge(kernel, IPV4, IPV6)

    assert kernel.run(RoutingRules(kernel.open).observe) == keyed(IPV6)
    kernel.run(lambda: ask(kernel, "rule", "del", **foreign))


def test_rules_at_other_priorities_do_not_matter(kernel: Kernel) -> None:
    foreign = {"family": 2} | OURS | {"priority": 100}
    kernel.run(lambda: ask(kernel, "rule", "add", **foreign))

    assert converge(kernel, IPV4) == keyed(IPV4)
