import pytest

from kubespan.logic.mesh_sysctls import mesh_sysctls
from kubespan.model.config import SysctlPolicy
from tests.builders import prefixes

FILTER = "net/ipv4/conf/kubespan/rp_filter"
IPV4, IPV6 = "net/ipv4/ip_forward", "net/ipv6/conf/all/forwarding"


@pytest.mark.checklist(55)
def test_our_own_link_is_always_made_loose():
    (spec,) = mesh_sysctls((), SysctlPolicy.CHECK)

    assert (spec.name, spec.accepted, spec.enforce) == (FILTER, ("2",), True)


@pytest.mark.parametrize(
    ("advertised", "expected"),
    [
        pytest.param((), [FILTER], id="nothing offered"),
        pytest.param(("10.0.0.0/16",), [FILTER, IPV4], id="IPv4"),
        pytest.param(("fd00:1::/64",), [FILTER, IPV6], id="IPv6"),
        pytest.param(("10.0.0.0/16", "fd00:1::/64"), [FILTER, IPV4, IPV6], id="both"),
    ],
)
def test_forwarding_is_needed_where_networks_are_offered(advertised, expected):
    specs = mesh_sysctls(prefixes(*advertised), SysctlPolicy.CHECK)

    assert [spec.name for spec in specs] == expected
    assert all(spec.why for spec in specs)


@pytest.mark.parametrize(
    ("policy", "enforce"), [(SysctlPolicy.CHECK, False), (SysctlPolicy.SET, True)]
)
def test_switches_of_the_whole_host_are_set_where_allowed(policy, enforce):
    specs = mesh_sysctls(prefixes("10.0.0.0/16", "fd00:1::/64"), policy)

    assert [spec.enforce for spec in specs[1:]] == [enforce, enforce]
