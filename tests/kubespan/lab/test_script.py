"""Commands that build a lab."""

from kubespan.lab.script import (
    NAT_RULES,
    batch_script,
    cable_commands,
    joining_ports,
    namespace_commands,
    namespace_script,
    port_commands,
)
from kubespan.lab.topology import Namespace, Topology, extend_topology, plan_topology


def _namespace(topology: Topology, name: str) -> Namespace:
    return next(space for space in topology.namespaces if space.name == name)


def test_a_cable_is_laid_from_its_leaf_into_the_other_namespace() -> None:
    topology = plan_topology("t", (0,))

    commands = cable_commands(topology, _namespace(topology, "node-1"))

    assert commands == [
        "link add eth0 type veth peer name node-1 netns kslab-t-internet"
    ]


def test_a_namespace_is_addressed_before_it_gets_a_route() -> None:
    topology = plan_topology("t", (0,), ipv6=True)

    commands = namespace_commands(topology, _namespace(topology, "node-1"))

    assert commands == [
        "link set lo up",
        "link set eth0 address 02:6b:73:00:00:01",
        "address add 198.18.1.2/24 dev eth0",
        "address add 2001:db8:0:1::2/64 dev eth0 nodad",
        "link set eth0 up",
        "address add 10.244.1.1/24 dev pods",
        "link set pods up",
        "route add default via 198.18.1.1",
        "route add default via 2001:db8:0:1::1",
    ]


def test_nodes_behind_a_gateway_share_its_bridge() -> None:
    topology = plan_topology("t", (1, 1))

    commands = namespace_commands(topology, _namespace(topology, "nat1"))

    assert "link add lan type bridge" in commands
    assert "link set node-1 master lan" in commands
    assert "link set node-2 master lan" in commands


def test_only_a_gateway_hides_and_only_routers_forward() -> None:
    topology = plan_topology("t", (0, 1))

    scripts = {
        space.name: namespace_script(topology, space) for space in topology.namespaces
    }
    hiding = {name for name, script in scripts.items() if NAT_RULES in script}
    forwarding = {name for name, script in scripts.items() if "ip_forward" in script}
    assert hiding == {"nat1"}
    assert forwarding == {"internet", "nat1", "node-1", "node-2"}


def test_a_joining_node_is_plugged_into_what_is_there() -> None:
    topology = extend_topology(plan_topology("t", (0,)))

    ports = joining_ports(topology, frozenset({"node-2", "node-2-pod"}))

    assert [port.interface for port in ports] == ["node-2"]
    assert port_commands(ports[0]) == [
        "address add 198.18.2.1/24 dev node-2",
        "link set node-2 up",
    ]


def test_commands_of_a_batch_stand_one_to_a_line() -> None:
    assert batch_script(["a b", "c"]) == "ip -batch - <<'END'\na b\nc\nEND"
