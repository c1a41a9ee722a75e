import errno

import pytest

from kubespan.drivers.host.routing_rules import RoutingRules
from kubespan.errors import DriverError
from kubespan.logic.diff import diff
from kubespan.model.network import Family, RoutingRuleSpec
from tests.fakes.kernel import FakeKernel
from tests.netns_support import Namespace

IPV4 = RoutingRuleSpec(Family.INET, priority=32500, mark=0x40, mask=0x60, table=180)
IPV6 = RoutingRuleSpec(Family.INET6, priority=32500, mark=0x40, mask=0x60, table=180)
BOTH = {spec.key: spec for spec in (IPV4, IPV6)}


async def test_one_refused_rule_stops_no_other() -> None:
    kernel = FakeKernel()
    kernel.refused["rule", "add"] = errno.EAFNOSUPPORT

    with pytest.raises(DriverError) as told:
        await RoutingRules(kernel.open).apply(diff(BOTH, {}))

    assert len(kernel.asked) == 2
    assert "inet6 rule 32500 for mark 0x40/0x60" in str(told.value)


async def test_kernel_without_a_family_has_no_rules_of_it() -> None:
    kernel = FakeKernel()
    kernel.refused["rule", "dump"] = errno.EAFNOSUPPORT

    assert await RoutingRules(kernel.open).observe() == {}


@pytest.mark.netns
@pytest.mark.checklist(46)
@pytest.mark.parametrize("family", ["-4", "-6"])
def test_rule_looks_as_specified(namespace: Namespace, family: str) -> None:
    namespace.run(lambda: RoutingRules().apply(diff(BOTH, {})))

    # kubespan.md section 4.7
    expected = "32500:\tfrom all fwmark 0x40/0x60 lookup 180 proto static"
    assert expected in namespace.sh(f"ip {family} rule").splitlines()
