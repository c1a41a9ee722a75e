import errno
from ipaddress import ip_interface

import pytest

from kubespan.drivers.host.addresses import Addresses
from kubespan.errors import DriverError
from kubespan.logic.diff import diff
from kubespan.model.network import AddressSpec
from tests.fakes.kernel import FakeKernel
from tests.netns_support import Namespace

IPV6 = AddressSpec("kubespan", ip_interface("fd00::1/64"))
IPV4 = AddressSpec("kubespan", ip_interface("10.0.0.1/24"))
BOTH = {spec.key: spec for spec in (IPV6, IPV4)}


def a_kernel() -> FakeKernel:
    kernel = FakeKernel()
    kernel.add_link("kubespan")
    return kernel


@pytest.mark.checklist(47)
async def test_mesh_address_is_usable_at_once_and_for_ever() -> None:
    kernel = a_kernel()

    await Addresses("kubespan", kernel.open).apply(diff(BOTH, {}))

    asked = [request for _, _, request in kernel.asked]
    assert [(request["flags"], request["scope"]) for request in asked] == [
        (0x82, 0),
        (0, 0),
    ]


async def test_one_refused_address_stops_no_other() -> None:
    kernel = a_kernel()
    kernel.refused["addr", "add"] = errno.EACCES

    with pytest.raises(DriverError) as told:
        await Addresses("kubespan", kernel.open).apply(diff(BOTH, {}))

    assert len(kernel.asked) == 2
    assert str(told.value) == (
        "change addresses of kubespan: "
        "add address fd00::1/64 to kubespan: Permission denied; "
        "add address 10.0.0.1/24 to kubespan: Permission denied"
    )


@pytest.mark.netns
def test_host_without_ipv6_is_told_so_and_keeps_ipv4(namespace: Namespace) -> None:
    namespace.sh(
        "ip link add kubespan type veth peer name far; ip link set kubespan up;"
        "sysctl -qw net.ipv6.conf.all.disable_ipv6=1"
    )
    driver = Addresses("kubespan")

    with pytest.raises(DriverError, match=r"fd00::1/64 .*IPv6 is disabled"):
        namespace.run(lambda: driver.apply(diff(BOTH, {})))

    assert namespace.run(driver.observe) == {IPV4.key: IPV4}


@pytest.mark.netns
@pytest.mark.checklist(47)
def test_mesh_address_looks_as_specified(namespace: Namespace) -> None:
    namespace.sh(
        "ip link add kubespan type veth peer name far; ip link set kubespan up"
    )

    namespace.run(lambda: Addresses("kubespan").apply(diff({IPV6.key: IPV6}, {})))

    shown = namespace.sh("ip -6 -o addr show dev kubespan scope global")
    assert "inet6 fd00::1/64 scope global nodad" in shown
    assert "valid_lft forever preferred_lft forever" in shown
    assert "tentative" not in shown
