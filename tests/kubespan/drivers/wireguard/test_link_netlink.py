import errno

import pytest

from kubespan.drivers.host.netlink import open_route_socket
from kubespan.drivers.wireguard.link_netlink import (
    HostLink,
    add_kernel_link,
    delete_link,
    find_link,
    list_our_links,
    settle_link,
)
from kubespan.errors import DriverError
from tests.netns_support import Namespace, namespace, new_namespace

__all__ = ["namespace", "new_namespace"]
pytestmark = pytest.mark.netns


def test_link_is_found_as_it_is(namespace: Namespace):
    namespace.sh("ip link add kubespan mtu 1400 type bridge")

    async def body():
        async with open_route_socket() as netlink:
            return await find_link(netlink, "kubespan"), await find_link(netlink, "no")

    found, missing = namespace.run(body)

    assert found == HostLink(found.index, "kubespan", "bridge", 1400, False, False)
    assert missing is None


def test_link_is_marked_sized_and_set_up(namespace: Namespace):
    namespace.sh("ip link add kubespan type bridge; ip link add other type bridge")

    async def body():
        async with open_route_socket() as netlink:
            link = await find_link(netlink, "kubespan")
            await settle_link(netlink, link, 1300)
            return await list_our_links(netlink)

    (ours,) = namespace.run(body)

    assert (ours.name, ours.mtu_bytes, ours.up, ours.ours) == (
        "kubespan",
        1300,
        True,
        True,
    )
    assert "alias kubespan" in namespace.sh("ip link show kubespan")


def test_tunnel_of_a_program_gets_no_link_local_address(namespace: Namespace):
    namespace.sh("ip tuntap add kubespan mode tun")

    async def body():
        async with open_route_socket() as netlink:
            link = await find_link(netlink, "kubespan")
            await settle_link(netlink, link, 1420)

    namespace.run(body)

    assert "inet6" not in namespace.sh("ip address show kubespan")


def test_link_is_deleted_once(namespace: Namespace):
    namespace.sh("ip link add kubespan type bridge")

    async def body():
        async with open_route_socket() as netlink:
            link = await find_link(netlink, "kubespan")
            await delete_link(netlink, link)
            await delete_link(netlink, link)
            return await find_link(netlink, "kubespan")

    assert namespace.run(body) is None


def test_refusal_names_the_step(namespace: Namespace):
    namespace.sh("ip link add kubespan type bridge")

    async def body():
        async with open_route_socket() as netlink:
            link = await find_link(netlink, "kubespan")
            await settle_link(netlink, link, 10)

    with pytest.raises(DriverError, match="set MTU 10 of link kubespan"):
        namespace.run(body)


def test_link_that_exists_is_not_added_again(namespace: Namespace):
    async def body():
        async with open_route_socket() as netlink:
            await add_kernel_link(netlink, "lo")

    with pytest.raises(DriverError, match="create WireGuard link lo") as caught:
        namespace.run(body)

    assert caught.value.errno in {errno.EEXIST, errno.EOPNOTSUPP}
