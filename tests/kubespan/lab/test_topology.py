"""Labs on paper."""

from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubespan.lab.errors import LabError
from kubespan.lab.topology import (
    NODES_MAX,
    Kind,
    LabSpec,
    Topology,
    extend_topology,
    plan_topology,
)

placements = st.lists(st.integers(0, 4), min_size=1, max_size=40).map(tuple)
topologies = st.builds(plan_topology, st.just("t"), placements, ipv6=st.booleans())


def _ports(topology: Topology):
    return [port for cable in topology.cables for port in (cable.leaf, cable.hub)]


def _addresses(topology: Topology):
    bridges = [bridge for space in topology.namespaces for bridge in space.bridges]
    return [item for owner in [*_ports(topology), *bridges] for item in owner.addresses]


@given(topologies)
def test_no_address_is_given_twice(topology: Topology) -> None:
    found = [address.ip for address in _addresses(topology)]

    assert len(found) == len(set(found))


@given(topologies)
def test_no_interface_name_is_too_long_or_taken_twice(topology: Topology) -> None:
    names = [(port.namespace, port.interface) for port in _ports(topology)]

    assert all(len(interface) <= 15 for _, interface in names)
    assert len(names) == len(set(names))


@given(topologies)
def test_a_cable_is_plugged_into_namespaces_that_are_made_before(
    topology: Topology,
) -> None:
    order = {space.name: index for index, space in enumerate(topology.namespaces)}

    assert all(
        order[c.hub.namespace] < order[c.leaf.namespace] for c in topology.cables
    )


@given(topologies)
def test_every_default_route_has_its_next_hop_on_a_segment(topology: Topology) -> None:
    for space in topology.namespaces:
        own = [port for port in _ports(topology) if port.namespace == space.name]
        segments = [address.network for port in own for address in port.addresses]
        for gateway in space.gateways:
            assert gateway.ip in {hop.ip for hop in _addresses(topology)}
            assert gateway.network in segments


@given(placements)
def test_every_node_stands_where_it_was_placed(
    given_placements: tuple[int, ...],
) -> None:
    topology = plan_topology("t", given_placements)

    assert topology.placements == given_placements
    for node, gateway in zip(topology.nodes, given_placements, strict=True):
        lan = ip_network(f"10.99.{gateway}.0/24")
        assert (node.address.ip in lan) == bool(gateway)


@given(topologies, st.integers(0, 5))
def test_a_joining_node_changes_nothing_that_was_there(
    topology: Topology, gateway: int
) -> None:
    extended = extend_topology(topology, gateway)

    count = len(topology.namespaces)
    assert extended.namespaces[:count] == topology.namespaces
    assert extended.cables[: len(topology.cables)] == topology.cables
    assert extended.nodes[:-1] == topology.nodes


@given(st.integers(1, 50), st.integers(0, 50), st.integers(1, 5))
def test_a_spec_has_its_public_nodes_first(nodes: int, nat: int, gateways: int) -> None:
    nat = min(nat, nodes)
    spec = LabSpec(nodes=nodes, nat=nat, gateways=gateways)

    public = [gateway == 0 for gateway in spec.placements]
    assert public == [True] * (nodes - nat) + [False] * nat
    assert len(set(spec.placements) - {0}) == min(nat, gateways)


def test_public_nodes_are_in_different_subnets_and_nat_hides_the_others() -> None:
    topology = plan_topology("t", (0, 0, 1))

    first, second, hidden = topology.nodes
    assert str(first.address) == "198.18.1.2/24"
    assert str(second.address) == "198.18.2.2/24"
    assert str(hidden.address) == "10.99.1.2/24"
    assert hidden.outside_address == "198.19.1.2"
    assert hidden.outside_port == "nat1"
    assert first.outside_port == "node-1"


def test_namespaces_carry_our_prefix_and_the_name_of_the_lab() -> None:
    topology = plan_topology("mine", (0,))

    assert topology.netns("node-1-pod") == "kslab-mine-node-1-pod"


def test_a_gateway_is_made_once_for_all_nodes_behind_it() -> None:
    topology = plan_topology("t", (1, 1, 2))

    gateways = [s.name for s in topology.namespaces if s.kind is Kind.GATEWAY]
    assert gateways == ["nat1", "nat2"]


def test_a_full_lab_takes_nobody_in() -> None:
    full = plan_topology("t", (0,) * NODES_MAX)

    with pytest.raises(LabError, match="at most 250"):
        extend_topology(full)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        pytest.param({"nodes": 0}, "1 to 250 nodes", id="no node"),
        pytest.param({"nodes": 251}, "1 to 250 nodes", id="too many nodes"),
        pytest.param({"nodes": 2, "nat": 3}, "behind NAT", id="more NAT than nodes"),
        pytest.param({"gateways": 0}, "gateways", id="no gateway"),
        pytest.param({"name": "a-b"}, "lab name", id="a dash would be ambiguous"),
        pytest.param({"name": "../x"}, "lab name", id="a path"),
        pytest.param({"name": ""}, "lab name", id="nothing"),
        pytest.param({"name": "a" * 17}, "lab name", id="too long"),
    ],
)
def test_a_spec_that_cannot_be_built_is_refused(options, reason: str) -> None:
    with pytest.raises(LabError, match=reason):
        LabSpec(**options)
