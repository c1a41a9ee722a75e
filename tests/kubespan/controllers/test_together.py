"""All controllers together: what the host is told, from start to end of a mesh."""

from dataclasses import dataclass, field

import pytest

from kubespan.engine.resource import Notice
from kubespan.engine.scheduler import Scheduler
from kubespan.engine.store import Store
from kubespan.model.affiliate import LocalAffiliate, RegistryAffiliate
from kubespan.model.config import Config
from kubespan.model.firewall import FirewallSpec
from kubespan.model.host import KubernetesNode
from kubespan.model.identity import MeshIdentity
from kubespan.model.network import (
    AddressSpec,
    LinkSpec,
    RouteSpec,
    RoutingRuleSpec,
    SysctlSpec,
)
from kubespan.model.peer import HarvestedEndpoint, PeerSpec, PeerState, PeerStatus
from kubespan.model.registry import PublicAddress, RegistryStatus, ServiceAddress
from kubespan.model.wireguard import WireGuardDevice, WireGuardPeerSeen, WireGuardSpec
from kubespan.wiring import CONTROLLERS
from tests.builders import (
    a_config,
    a_device,
    a_mesh_part,
    a_node_identity,
    an_affiliate,
    endpoints,
    host_facts,
    ips,
    networks,
    prefixes,
    put_all,
    said,
)
from tests.fakes.clock import FakeClock

HOST_KINDS = (
    LinkSpec,
    AddressSpec,
    RouteSpec,
    RoutingRuleSpec,
    FirewallSpec,
    WireGuardSpec,
    SysctlSpec,
)
B, C = (
    an_affiliate(
        f"node-{name}",
        addresses=ips(f"172.20.0.{number}"),
        kubespan=a_mesh_part(
            f"node-{name}",
            additional_addresses=prefixes(f"10.244.{number}.0/24"),
            endpoints=endpoints(f"172.20.0.{number}:51820"),
        ),
    )
    for name, number in (("b", 3), ("c", 5))
)


@dataclass
class Node:
    """A daemon without drivers, and a device that does as it is told."""

    store: Store = field(default_factory=Store)
    clock: FakeClock = field(default_factory=FakeClock)

    def __post_init__(self) -> None:
        self.scheduler = Scheduler(self.store, CONTROLLERS, self.clock)
        for kind in (PublicAddress, RegistryStatus, KubernetesNode, ServiceAddress):
            self.store.replace(kind, "test", (), 1)
        facts = (a_config(), host_facts(), a_node_identity(), a_device(present=False))
        put_all(self.store, facts)
        self.hear()

    def hear(self, *affiliates, missing: bool = False) -> None:
        entries = [said(affiliate, missing=missing) for affiliate in affiliates]
        self.store.replace(RegistryAffiliate, "test", entries, 1)
        self.scheduler.settle()

    def configure(self, **changes) -> None:
        self.store.replace(Config, "test", [a_config(**changes)], 1)
        self.scheduler.settle()

    def look(self, after_s: float = 1, shaking=()) -> None:
        self.clock.advance(after_s)
        before = {peer.public_key: peer for peer in self.one(WireGuardDevice).peers}
        seen = []
        spec = self.all(WireGuardSpec)
        for peer in spec[0].peers if spec else ():
            old = before.get(peer.public_key) or WireGuardPeerSeen(peer.public_key)
            shook = str(peer.public_key) in [a.kubespan.public_key for a in shaking]
            at_ns = self.clock.now_ns() if shook else old.last_handshake_ns
            seen.append(
                WireGuardPeerSeen(
                    peer.public_key,
                    allowed_ips=peer.allowed_ips,
                    endpoint=peer.endpoint or old.endpoint,
                    last_handshake_ns=at_ns,
                )
            )
        device = a_device(*seen, observed_s=self.clock.now_s())
        self.store.replace(WireGuardDevice, "test", [device], 1)
        self.scheduler.settle()

    def all(self, kind):
        return self.store.values(kind)

    def one(self, kind):
        (value,) = self.all(kind)
        return value


@pytest.fixture
def node() -> Node:
    return Node()


@pytest.mark.checklist(46, 47, 51, 54)
def test_enabled_without_peers_everything_exists_but_routes_nothing(node):
    assert node.one(LinkSpec).name == "kubespan"
    assert len([route for route in node.all(RouteSpec) if route.link]) == 2
    assert len(node.all(RoutingRuleSpec)) == 2
    assert len(node.all(AddressSpec)) == 1
    assert node.one(FirewallSpec).routed == ()
    assert node.one(WireGuardSpec).peers == ()


@pytest.mark.checklist(41, 42, 44)
def test_two_peers_are_configured_on_trial_with_their_first_endpoints(node):
    # kubespan.md 8.5, manager_test: two peers
    node.hear(B, C)

    device = node.one(WireGuardSpec)
    assert {str(peer.endpoint) for peer in device.peers} == {
        "172.20.0.3:51820",
        "172.20.0.5:51820",
    }
    for status in node.all(PeerStatus):
        assert status.state is PeerState.UNKNOWN
        assert status.endpoint == status.last_used_endpoint
        assert status.last_endpoint_change_ns == node.clock.now_ns()
    assert node.one(FirewallSpec).routed == networks(
        "10.244.3.0/24", "10.244.5.0/24", "172.20.0.3/32", "172.20.0.5/32"
    )


@pytest.mark.checklist(52)
def test_with_bypass_the_routed_set_follows_the_peers_that_are_up(node):
    # kubespan.md 8.5, manager_test: force routing off, then handshakes
    node.hear(B, C)
    node.configure(kubespan={"allow_down_peer_bypass": True})
    nobody = node.one(FirewallSpec).routed

    node.look()
    node.look(shaking=[B])

    assert nobody == ()
    assert node.one(FirewallSpec).routed == networks("10.244.3.0/24", "172.20.0.3/32")
    assert len(node.one(WireGuardSpec).peers) == 2


@pytest.mark.checklist(44)
def test_a_peer_that_leaves_takes_nothing_of_the_others_with_it(node):
    node.hear(B, C)
    before = {peer.public_key: peer for peer in node.one(WireGuardSpec).peers}

    node.hear(C)

    (left,) = node.one(WireGuardSpec).peers
    assert left is before[left.public_key]
    assert [spec.node_id for spec in node.all(PeerSpec)] == ["node-c"]
    assert len(node.all(PeerStatus)) == 1
    assert node.one(FirewallSpec).routed == networks("10.244.5.0/24", "172.20.0.5/32")


@pytest.mark.checklist(9, 54)
def test_switching_off_removes_all_and_on_again_restores_it_with_the_same_key(node):
    node.hear(B, C)
    before = {kind: node.all(kind) for kind in (*HOST_KINDS, MeshIdentity)}

    node.configure(kubespan={"enabled": False})

    assert [kind for kind in HOST_KINDS if node.all(kind)] == []
    assert node.all(PeerSpec) == node.all(PeerStatus) == ()
    assert node.one(LocalAffiliate).affiliate.kubespan.public_key == ""

    node.configure()

    assert {kind: node.all(kind) for kind in (*HOST_KINDS, MeshIdentity)} == before
    assert node.one(LocalAffiliate).affiliate.kubespan.public_key


def test_an_empty_snapshot_after_an_outage_drops_only_who_is_silent(node):
    node.hear(B, C)
    node.look()
    node.look(shaking=[B])

    node.hear(B, C, missing=True)
    kept = [spec.node_id for spec in node.all(PeerSpec)]
    node.look(after_s=275)

    assert kept == ["node-b"]
    assert node.all(PeerSpec) == ()


def test_a_mesh_in_which_nothing_changes_is_quiet(node):
    node.hear(B, C)
    node.look()
    node.look(shaking=[B, C])
    node.look()
    events = []
    node.store.watch(events.extend)

    node.look()

    assert {event.kind for event in events} == {WireGuardDevice}


def test_a_handshake_alone_is_no_reason_to_configure_anything(node):
    node.hear(B, C)
    node.look()
    node.look(shaking=[B, C])
    events = []
    node.store.watch(events.extend)

    node.look(shaking=[B, C])

    assert PeerStatus in {event.kind for event in events}
    assert not {event.kind for event in events}.intersection(HOST_KINDS)


@pytest.mark.checklist(60)
def test_endpoints_of_peers_that_are_up_are_harvested_and_withdrawn(node):
    node.configure(kubespan={"harvest_extra_endpoints": True})
    node.hear(B)
    node.look()
    node.look(shaking=[B])
    harvested = node.one(HarvestedEndpoint)

    node.configure()

    assert (harvested.affiliate_id, str(harvested.endpoint)) == (
        "node-b",
        "172.20.0.3:51820",
    )
    assert node.all(HarvestedEndpoint) == ()


def test_hostile_affiliates_cost_a_notice_each_and_hurt_nobody(node):
    odd = [
        an_affiliate("node-a"),
        an_affiliate("1", kubespan=a_mesh_part(public_key="nonsense")),
        an_affiliate("2", kubespan=a_mesh_part(2, address=None)),
        an_affiliate(
            "3", kubespan=a_mesh_part(3, additional_addresses=prefixes("0.0.0.0/0"))
        ),
        an_affiliate("4", addresses=ips("127.0.0.1", "224.0.0.1")),
        an_affiliate("5", kubespan=a_mesh_part("node-b")),
        an_affiliate(
            "6", kubespan=a_mesh_part(6, public_key=str(a_node_identity().public_key))
        ),
        an_affiliate("7", hostname="\x1b[2J\n", nodename=""),
    ]

    node.hear(B, C, *odd)

    peers = {spec.node_id: spec for spec in node.all(PeerSpec)}
    assert set(peers) == {"node-b", "node-c", "3", "4", "7"}
    assert networks("10.244.3.0/24")[0] in peers["node-b"].allowed_ips
    told = {notice.subject for notice in node.all(Notice)}
    assert {"1", "2", "3", "4", "5", "6"} <= told
    assert all(notice.text.isprintable() for notice in node.all(Notice))


def test_a_restarted_daemon_adopts_a_device_that_works(node):
    node.hear(B)
    node.look()
    node.look(shaking=[B])
    device = node.one(WireGuardDevice)

    restarted = Node(clock=node.clock)
    restarted.store.replace(WireGuardDevice, "test", [device], 1)
    restarted.hear(B)

    status = restarted.one(PeerStatus)
    assert status.state is PeerState.UP
    assert status.last_endpoint_change_ns == 0


def test_peers_of_the_device_stay_and_stay_forced_until_every_registry_spoke(node):
    node.hear(B)
    node.look()
    node.look(shaking=[B])
    device = node.one(WireGuardDevice)
    before = node.one(FirewallSpec).routed

    restarted = Node(clock=node.clock)
    restarted.store.replace(RegistryStatus, "test", (), 1)
    restarted.store.replace(WireGuardDevice, "test", [device], 1)
    restarted.scheduler.settle()

    assert restarted.one(WireGuardSpec).kept == {device.peers[0].public_key}
    assert restarted.one(FirewallSpec).routed == before != ()
