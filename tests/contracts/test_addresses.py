"""What ``Addresses`` promises, on a kernel in memory and on the real one."""

from ipaddress import ip_interface

import pytest

from kubespan.drivers.host.addresses import Addresses
from kubespan.drivers.host.netlink import link_index
from kubespan.errors import DriverError
from kubespan.logic.diff import diff
from kubespan.model.network import AddressSpec
from tests.contracts.kernels import LINK, Kernel, kernel

__all__ = ["kernel"]

ULA = AddressSpec(LINK, ip_interface("fd7f:175a:b97c:5602:2c1a:b6ff:fe53:8169/64"))
OTHER_LENGTH = AddressSpec(LINK, ip_interface(f"{ULA.address.ip}/128"))
IPV4 = AddressSpec(LINK, ip_interface("10.9.8.7/24"))


def keyed(*specs: AddressSpec) -> dict[str, AddressSpec]:
    return {spec.key: spec for spec in specs}


def converge(kernel: Kernel, *specs: AddressSpec) -> dict[str, AddressSpec]:
    driver = Addresses(LINK, kernel.open)

    async def body() -> dict[str, AddressSpec]:
        await driver.apply(diff(keyed(*specs), await driver.observe()))
        return await driver.observe()

    return kernel.run(body)


def test_without_the_link_there_are_no_addresses(kernel: Kernel) -> None:
    found = kernel.run(Addresses(LINK, kernel.open).observe)

    assert found == {}


@pytest.mark.checklist(47)
def test_what_is_wanted_is_what_is_seen(kernel: Kernel) -> None:
    kernel.add_link(LINK)

    found = converge(kernel, ULA, IPV4)

    assert found == keyed(ULA, IPV4)


@pytest.mark.parametrize("after", [(), (ULA,), (IPV4,), (OTHER_LENGTH, IPV4)], ids=str)
def test_what_is_no_longer_wanted_goes(
    kernel: Kernel, after: tuple[AddressSpec, ...]
) -> None:
    kernel.add_link(LINK)
    converge(kernel, ULA)

    found = converge(kernel, *after)

    assert found == keyed(*after)


def test_applying_twice_is_harmless(kernel: Kernel) -> None:
    kernel.add_link(LINK)
    driver = Addresses(LINK, kernel.open)

    async def body() -> dict[str, AddressSpec]:
        for _ in range(2):
            await driver.apply(diff(keyed(ULA), {}))
        found = await driver.observe()
        for _ in range(2):
            await driver.apply(diff({}, keyed(ULA)))
        return found

    assert kernel.run(body) == keyed(ULA)
    assert kernel.run(driver.observe) == {}


def test_an_address_on_a_link_that_left_is_refused_and_its_removal_is_not(
    kernel: Kernel,
) -> None:
    driver = Addresses(LINK, kernel.open)

    with pytest.raises(DriverError, match="no such link"):
        kernel.run(lambda: driver.apply(diff(keyed(ULA), {})))
    kernel.run(lambda: driver.apply(diff({}, keyed(ULA))))


def test_addresses_of_other_links_and_of_the_kernel_are_left_alone(
    kernel: Kernel,
) -> None:
    kernel.add_link(LINK)

    async def body() -> None:
        async with kernel.open() as socket:
            for name, address, scope in (
                (LINK, "fe80::7", 253),
                ("other", "fd01::1", 0),
            ):
                index = await link_index(socket, name)
                await socket.addr(
                    "add",
                    index=index,
                    family=10,
                    address=address,
                    prefixlen=64,
                    scope=scope,
                    flags=0x82,
                )

    kernel.run(body)

    assert converge(kernel) == {}
    assert "other/fd01::1/64" in kernel.run(Addresses("other", kernel.open).observe)
