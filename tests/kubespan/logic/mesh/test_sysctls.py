import pytest

from kubespan.logic.mesh.sysctls import mesh_sysctls
from kubespan.model.config import SysctlPolicy
from tests.builders import prefixes

FILTER = "net/ipv4/conf/kubespan/rp_filter"
ALL = "net/ipv4/conf/all/rp_filter"
IPV4, IPV6 = "net/ipv4/ip_forward", "net/ipv6/conf/all/forwarding"


@pytest.mark.checklist(55)
def test_our_own_link_never_filters_by_reverse_path():
    spec, _ = mesh_sysctls((), SysctlPolicy.CHECK)

    assert (spec.name, spec.accepted, spec.enforce) == (FILTER, ("0",), True)


@pytest.mark.checklist(55)
def test_a_filter_of_all_links_overrides_ours_and_is_told():
    _, spec = mesh_sysctls((), SysctlPolicy.CHECK)

    assert (spec.name, spec.accepted, spec.enforce) == (ALL, ("0",), False)


@pytest.mark.parametrize(
    ("advertised", "expected"),
    [
        pytest.param((), [FILTER, ALL], id="nothing offered"),
        pytest.param(("10.0.0.0/16",), [FILTER, ALL, IPV4], id="IPv4"),
        pytest.param(("fd00:1::/64",), [FILTER, ALL, IPV6], id="IPv6"),
        pytest.param(
            ("10.0.0.0/16", "fd00:1::/64"), [FILTER, ALL, IPV4, IPV6], id="both"
        ),
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

    assert [spec.enforce for spec in specs[1:]] == [enforce] * 3
