from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network, IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubespan.logic.identity.key_pair import public_half
from kubespan.logic.mesh.wireguard_diff import diff_wireguard
from kubespan.model.endpoint import Endpoint
from kubespan.model.keys import SecretKey
from kubespan.model.wireguard import (
    WireGuardChange,
    WireGuardDevice,
    WireGuardPeer,
    WireGuardPeerChange,
    WireGuardPeerSeen,
    WireGuardSpec,
)
from tests.fakes.wireguard import changed_device
from tests.wireguard_builders import PRIVATE, a_key, a_peer, a_spec, networks_of

NEW_DEVICE = WireGuardDevice("kubespan", 0.0, present=True)
HERE = Endpoint(IPv4Address("192.0.2.1"), 1)
THERE = Endpoint(IPv4Address("192.0.2.2"), 2)


def configured(spec: WireGuardSpec) -> WireGuardDevice:
    return changed_device(NEW_DEVICE, diff_wireguard(spec, NEW_DEVICE))


@pytest.mark.parametrize(
    ("handshake_ns", "expected"),
    [
        pytest.param(5, [THERE], id="the handshake it was chosen after"),
        pytest.param(6, [], id="a handshake nobody has looked at yet"),
    ],
)
def test_an_endpoint_chosen_before_the_last_handshake_is_not_given(
    handshake_ns: int, expected: list[Endpoint]
):
    (seen,) = configured(a_spec(a_peer(endpoint=HERE))).peers
    device = replace(
        configured(a_spec(a_peer(endpoint=HERE))),
        peers=(replace(seen, last_handshake_ns=handshake_ns),),
    )

    change = diff_wireguard(
        a_spec(a_peer(endpoint=THERE, endpoint_if_handshake_ns=5)), device
    )

    assert [peer.endpoint for peer in change.set_peers] == expected


def test_a_device_that_knows_no_endpoint_is_given_one_whatever_it_heard():
    (seen,) = configured(a_spec(a_peer(endpoint=HERE))).peers
    forgetful = replace(seen, endpoint=None, last_handshake_ns=6)
    device = replace(configured(a_spec(a_peer())), peers=(forgetful,))

    change = diff_wireguard(
        a_spec(a_peer(endpoint=THERE, endpoint_if_handshake_ns=5)), device
    )

    assert [peer.endpoint for peer in change.set_peers] == [THERE]


@pytest.mark.checklist(41)
def test_new_device_gets_everything():
    spec = a_spec(a_peer(1), a_peer(2, endpoint=None))

    change = diff_wireguard(spec, NEW_DEVICE)

    assert change == WireGuardChange(
        link="kubespan",
        private_key=PRIVATE,
        listen_port=51820,
        mark=0x20,
        set_peers=tuple(
            WireGuardPeerChange(
                public_key=peer.public_key,
                new=True,
                preshared_key=peer.preshared_key,
                endpoint=peer.endpoint,
                keepalive_s=25,
                allowed_ips=peer.allowed_ips,
            )
            for peer in spec.peers
        ),
    )
    assert str(change) == "kubespan: +2 ~0 -0 peers"


def test_nothing_is_wanted_of_a_device_that_nobody_desires():
    assert not diff_wireguard(None, configured(a_spec(a_peer())))


def test_device_as_desired_needs_nothing():
    spec = a_spec(a_peer(1), a_peer(2))

    assert not diff_wireguard(spec, configured(spec))


def test_order_of_networks_on_the_device_does_not_matter():
    spec = a_spec(a_peer())
    device = configured(spec)
    (peer,) = device.peers
    turned = replace(peer, allowed_ips=tuple(reversed(peer.allowed_ips)))

    assert not diff_wireguard(spec, replace(device, peers=(turned,)))


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        pytest.param({"mark": 1}, WireGuardChange("kubespan", mark=1), id="mark"),
        pytest.param(
            {"listen_port": 1}, WireGuardChange("kubespan", listen_port=1), id="port"
        ),
        pytest.param(
            {"private_key": SecretKey(b"x" * 32)},
            WireGuardChange("kubespan", private_key=SecretKey(b"x" * 32)),
            id="key",
        ),
    ],
)
def test_only_the_property_that_differs_is_set(changed, expected):
    device = configured(a_spec(a_peer()))

    assert diff_wireguard(a_spec(a_peer(), **changed), device) == expected


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param({"endpoint": THERE}, id="endpoint"),
        pytest.param({"keepalive_s": 0}, id="keepalive"),
        pytest.param({"preshared_key": SecretKey(b"x" * 32)}, id="preshared key"),
        pytest.param({"allowed_ips": networks_of(1)[:2]}, id="networks"),
        pytest.param({"allowed_ips": ()}, id="no networks"),
    ],
)
def test_only_what_differs_is_said_of_a_peer(changed):
    device = configured(a_spec(a_peer(1, endpoint=HERE), a_peer(2)))

    change = diff_wireguard(
        a_spec(a_peer(1, **({"endpoint": HERE} | changed)), a_peer(2)), device
    )

    expected = WireGuardPeerChange(a_key(1), new=False, **changed)
    assert change == WireGuardChange("kubespan", set_peers=(expected,))


@pytest.mark.checklist(43)
def test_endpoint_nobody_wants_to_change_is_left_to_roam():
    device = configured(a_spec(a_peer(endpoint=HERE)))

    assert not diff_wireguard(a_spec(a_peer(endpoint=None)), device)


@pytest.mark.checklist(43)
def test_endpoint_the_device_has_already_is_not_set_again():
    device = configured(a_spec(a_peer(endpoint=HERE)))
    mapped = Endpoint(IPv6Address("::ffff:192.0.2.1"), 1)

    assert not diff_wireguard(a_spec(a_peer(endpoint=HERE)), device)
    assert not diff_wireguard(a_spec(a_peer(endpoint=mapped)), device)


@pytest.mark.checklist(44)
def test_peer_nobody_knows_is_removed():
    device = configured(a_spec(a_peer(1), a_peer(2)))

    change = diff_wireguard(a_spec(a_peer(1)), device)

    assert change == WireGuardChange("kubespan", remove=(a_key(2),))
    assert str(change) == "kubespan: +0 ~0 -1 peers"


def test_kept_peer_stays_as_it_is():
    device = configured(a_spec(a_peer(1), a_peer(2)))

    assert not diff_wireguard(a_spec(a_peer(1), kept=frozenset({a_key(2)})), device)


def test_secret_the_device_does_not_show_is_set():
    device = configured(a_spec(a_peer()))
    (peer,) = device.peers
    hidden = replace(device, peers=(replace(peer, preshared_key=None),))

    (change,) = diff_wireguard(a_spec(a_peer()), hidden).set_peers

    assert change.preshared_key == a_peer().preshared_key


PEERS = 4
NETWORKS = [IPv4Network((i << 24, 8)) for i in range(10, 18)]
endpoints = st.sampled_from([None, HERE, THERE])
owners = st.lists(st.integers(0, PEERS), min_size=len(NETWORKS), max_size=len(NETWORKS))


@st.composite
def specs(draw: st.DrawFn) -> WireGuardSpec:
    """Any spec with disjoint networks: each has one owner, or (0) none."""
    owner_by_network = dict(zip(NETWORKS, draw(owners), strict=True))
    peers = tuple(
        WireGuardPeer(
            public_key=a_key(number),
            preshared_key=SecretKey(draw(st.sampled_from([b"a", b"b"])) * 32),
            allowed_ips=tuple(n for n, o in owner_by_network.items() if o == number),
            endpoint=draw(endpoints),
            keepalive_s=draw(st.sampled_from([0, 25])),
        )
        for number in sorted(draw(st.sets(st.integers(1, PEERS))))
    )
    kept = draw(st.frozensets(st.integers(1, PEERS).map(a_key)))
    port = draw(st.sampled_from([1, 2]))
    return a_spec(*peers, kept=kept, listen_port=port)


def _owned(device: WireGuardDevice) -> list[IPv4Network]:
    return [network for peer in device.peers for network in peer.allowed_ips]


@given(st.lists(specs(), max_size=3), specs())
def test_diff_then_apply_is_desired_and_nothing_is_left_to_do(
    history: list[WireGuardSpec], desired: WireGuardSpec
):
    device = NEW_DEVICE
    for spec in history:
        device = changed_device(device, diff_wireguard(spec, device))

    after = changed_device(device, diff_wireguard(desired, device))

    assert not diff_wireguard(desired, after)
    assert len(_owned(after)) == len(set(_owned(after)))
    assert (after.listen_port, after.public_key) == (
        desired.listen_port,
        public_half(PRIVATE),
    )
    seen = {peer.public_key: peer for peer in after.peers}
    for peer in desired.peers:
        assert _is_as(peer, seen[peer.public_key])
    stayed = desired.kept & {peer.public_key for peer in device.peers}
    assert seen.keys() == stayed | {peer.public_key for peer in desired.peers}


def _is_as(desired: WireGuardPeer, seen: WireGuardPeerSeen) -> bool:
    return (
        desired.preshared_key == seen.preshared_key
        and set(desired.allowed_ips) == set(seen.allowed_ips)
        and desired.keepalive_s == seen.keepalive_s
        and desired.endpoint in {None, seen.endpoint}
    )
