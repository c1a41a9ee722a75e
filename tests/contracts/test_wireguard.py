"""What any host with WireGuard keeps: links and devices become what is desired."""

import errno
from dataclasses import replace
from ipaddress import IPv6Address, ip_network

import pytest

from kubespan.errors import DriverError
from kubespan.logic.identity.key_pair import public_half
from kubespan.logic.mesh.link_diff import diff_links
from kubespan.logic.mesh.wireguard_diff import diff_wireguard
from kubespan.model.endpoint import Endpoint
from kubespan.model.network import LinkSpec
from kubespan.model.wireguard import (
    WireGuardChange,
    WireGuardChoice,
    WireGuardDevice,
    WireGuardPeer,
    WireGuardSpec,
)
from tests.contracts.wireguard_hosts import MODULE, Host, Real, host
from tests.netns_support import namespace, new_namespace
from tests.wireguard_builders import PRIVATE, a_peer, a_spec, networks_of

__all__ = ["host", "namespace", "new_namespace"]


async def make_link(host: Host, mtu_bytes: int = 1420) -> LinkSpec:
    spec = LinkSpec(host.link, mtu_bytes, host.choice)
    await host.links.apply(diff_links({host.link: spec}, await host.links.observe()))
    return spec


async def configure(host: Host, spec: WireGuardSpec) -> WireGuardDevice:
    """Converge a device, and make sure that nothing is left to do."""
    spec = replace(spec, link=host.link)
    await host.wireguard.apply(diff_wireguard(spec, await host.wireguard.observe()))
    device: WireGuardDevice = await host.wireguard.observe()
    assert not diff_wireguard(spec, device)
    return device


def peers_of(device: WireGuardDevice) -> set[WireGuardPeer]:
    return {
        WireGuardPeer(
            public_key=peer.public_key,
            preshared_key=peer.preshared_key,
            allowed_ips=tuple(sorted(peer.allowed_ips, key=lambda n: (n.version, n))),
            endpoint=peer.endpoint,
            keepalive_s=peer.keepalive_s,
        )
        for peer in device.peers
        if peer.preshared_key
    }


def test_link_is_made_up_with_its_mtu_and_without_anything_to_do_after(host: Host):
    async def body():
        spec = await make_link(host, 1380)
        seen = await host.links.observe()
        return spec, seen, await host.wireguard.observe()

    spec, seen, device = host.run(body)

    assert seen[host.link].mtu_bytes == 1380
    assert seen[host.link].up
    assert not diff_links({host.link: spec}, seen)
    assert device.present
    assert device.public_key is None
    assert device.peers == ()


def test_device_without_link_is_not_present_and_takes_no_orders(host: Host):
    device = host.run(host.wireguard.observe)
    with pytest.raises(DriverError, match=r"no (such )?link"):
        host.run(lambda: host.wireguard.apply(WireGuardChange(host.link, mark=1)))

    assert device == WireGuardDevice(host.link, device.observed_s)


@pytest.mark.checklist(41)
def test_device_and_three_peers_are_observed_as_configured(host: Host):
    peers = (
        a_peer(1),
        a_peer(2, endpoint=None, allowed_ips=()),
        a_peer(3, endpoint=Endpoint(IPv6Address("2001:db8::3"), 1234)),
    )

    async def body():
        await make_link(host)
        return await configure(host, a_spec(*peers))

    device = host.run(body)

    assert device.public_key == public_half(PRIVATE)
    assert device.listen_port == 51820
    assert device.mark == 0x20
    assert peers_of(device) == set(peers)
    assert {peer.last_handshake_ns for peer in device.peers} == {0}


def test_mtu_is_changed_on_the_living_link(host: Host):
    async def body():
        await make_link(host)
        before = await configure(host, a_spec(a_peer()))
        await make_link(host, 1300)
        after = await host.wireguard.observe()
        return before, after, await host.links.observe()

    before, after, seen = host.run(body)

    assert seen[host.link].mtu_bytes == 1300
    assert peers_of(after) == peers_of(before)


def test_only_the_endpoint_of_one_peer_is_changed(host: Host):
    moved = Endpoint(IPv6Address("2001:db8::9"), 9)
    spec = a_spec(a_peer(1), a_peer(2, endpoint=moved))

    async def body():
        await make_link(host)
        before = await configure(host, a_spec(a_peer(1), a_peer(2)))
        change = diff_wireguard(replace(spec, link=host.link), before)
        return change, await configure(host, spec)

    change, device = host.run(body)

    assert str(change) == f"{host.link}: +0 ~1 -0 peers"
    assert change.set_peers[0].allowed_ips is None
    assert peers_of(device) == set(spec.peers)


@pytest.mark.checklist(44)
def test_peer_is_removed_without_disturbing_others(host: Host):
    async def body():
        await make_link(host)
        await configure(host, a_spec(a_peer(1), a_peer(2), a_peer(3)))
        return await configure(host, a_spec(a_peer(1), a_peer(3)))

    device = host.run(body)

    assert peers_of(device) == {a_peer(1), a_peer(3)}


def test_kept_peers_stay(host: Host):
    kept = frozenset({a_peer(1).public_key})

    async def body():
        await make_link(host)
        await configure(host, a_spec(a_peer(1)))
        return await configure(host, a_spec(a_peer(2), kept=kept))

    device = host.run(body)

    assert peers_of(device) == {a_peer(1), a_peer(2)}


def test_networks_that_change_hands_end_where_they_belong(host: Host):
    one, two, three = networks_of(1)
    first = a_spec(a_peer(1, allowed_ips=(one, two)), a_peer(2, allowed_ips=(three,)))
    second = a_spec(a_peer(1, allowed_ips=(three,)), a_peer(2, allowed_ips=(one, two)))

    async def body():
        await make_link(host)
        await configure(host, first)
        return await configure(host, second)

    device = host.run(body)

    assert peers_of(device) == set(second.peers)


def test_key_and_mark_and_port_are_changed_on_the_living_device(host: Host):
    other = a_spec(a_peer(), private_key=a_spec().private_key, mark=0x60, listen_port=9)

    async def body():
        await make_link(host)
        await configure(host, a_spec(a_peer()))
        return await configure(host, other)

    device = host.run(body)

    assert (device.mark, device.listen_port) == (0x60, 9)
    assert peers_of(device) == {a_peer()}


@pytest.mark.parametrize(
    "peers",
    [
        pytest.param([a_peer(n) for n in range(1, 1001)], id="1,000 peers × 3"),
        pytest.param(
            [
                a_peer(
                    allowed_ips=tuple(
                        ip_network(((0xFD << 120) + i, 128)) for i in range(5000)
                    )
                )
            ],
            id="one peer × 5,000",
        ),
    ],
)
def test_large_device_is_observed_as_configured(host: Host, peers: list[WireGuardPeer]):
    async def body():
        await make_link(host)
        return await configure(host, a_spec(*peers))

    device = host.run(body)

    assert peers_of(device) == set(peers)


def test_port_in_use_is_named_and_hinders_nothing_else(host: Host):
    spec = a_spec(a_peer(), link=host.link)

    async def configure_in_vain():
        await make_link(host)
        change = diff_wireguard(spec, await host.wireguard.observe())
        with pytest.raises(DriverError, match="51820 is in use") as caught:
            await host.wireguard.apply(change)
        return caught.value, await host.wireguard.observe()

    with host.hold_port(51820):
        error, meanwhile = host.run(configure_in_vain)
    after = host.run(lambda: configure(host, spec))

    assert error.errno == errno.EADDRINUSE
    assert peers_of(meanwhile) == {a_peer()}
    assert meanwhile.listen_port != 51820
    assert after.listen_port == 51820


def test_foreign_link_of_our_name_is_refused_and_left_alone(host: Host):
    host.add_foreign_link()

    with pytest.raises(DriverError, match=f"link {host.link} exists"):
        host.run(lambda: make_link(host))

    assert host.run(host.links.observe) == {}
    assert host.run(host.wireguard.observe).present is False
    host.delete_link()


def test_new_daemon_adopts_what_works_and_restarts_nothing(host: Host):
    async def body():
        await make_link(host)
        return await configure(host, a_spec(a_peer()))

    before = host.run(body)
    programs = host.programs() if isinstance(host, Real) else []
    host.restart()
    spec = LinkSpec(host.link, 1420, WireGuardChoice.AUTO)
    seen = host.run(host.links.observe)
    after = host.run(host.wireguard.observe)

    assert not diff_links({host.link: spec}, seen)
    assert after == replace(before, observed_s=after.observed_s)
    assert (host.programs() if isinstance(host, Real) else []) == programs


@pytest.mark.parametrize("how", ["lose_program", "delete_link"])
def test_lost_link_is_made_again(host: Host, how: str):
    async def body():
        await make_link(host)
        return await configure(host, a_spec(a_peer()))

    host.run(body)
    getattr(host, how)()
    lost = host.run(host.links.observe)
    device = host.run(body)

    assert lost == {}
    assert peers_of(device) == {a_peer()}


def test_deleted_link_leaves_nothing(host: Host):
    async def body():
        await make_link(host)
        await configure(host, a_spec(a_peer()))
        await host.links.apply(diff_links({}, await host.links.observe()))

    host.run(body)

    assert host.leftovers() == []


def test_working_link_is_kept_when_the_way_asked_for_is_impossible(host: Host):
    if MODULE.exists():
        pytest.skip("both ways are possible here")
    impossible = LinkSpec(host.link, 1420, WireGuardChoice.KERNEL)

    async def body():
        await make_link(host)
        before = await configure(host, a_spec(a_peer()))
        changes = diff_links({host.link: impossible}, await host.links.observe())
        with pytest.raises(DriverError, match="no WireGuard"):
            await host.links.apply(changes)
        return before, await host.wireguard.observe()

    before, after = host.run(body)

    assert peers_of(after) == peers_of(before)
