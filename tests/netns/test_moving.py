"""A node's address changes while it runs; nobody restarts anything."""

import re
from collections.abc import Iterator
from functools import partial
from itertools import permutations
from typing import Any

import pytest

from kubespan.lab.lab import Lab
from kubespan.lab.node import LabNode
from kubespan.lab.topology import LabSpec
from tests.netns.support import (
    eventually,
    firewall,
    key_of,
    mesh_of,
    running_lab,
    say,
    sees_up,
    steady_ping,
)

pytestmark = [pytest.mark.netns, pytest.mark.timeout(150)]

OLD, NEW = "198.18.2.2", "198.18.2.77"
MOVE = f"""\
ip -4 addr flush dev eth0
ip addr add {NEW}/24 dev eth0
ip route add default via 198.18.2.1
"""


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    yield from running_lab(LabSpec("e2emove", nodes=3, nat=0))


def endpoint_in_use(node: LabNode, peer: LabNode) -> str:
    lines = say(node, "wg show kubespan endpoints").splitlines()
    return dict(line.split("\t") for line in lines)[key_of(peer)]


def follows(near: LabNode, far: LabNode) -> bool:
    return endpoint_in_use(near, far) == f"{NEW}:51820"


def published(near: LabNode, far: LabNode) -> dict[str, Any]:
    """Return what a node knows of another through discovery."""
    specs = [entry["spec"] for entry in near.resources("kubespanpeerspecs")]
    (spec,) = (spec for spec in specs if spec["label"] == far.name)
    return dict(spec)


def is_told(near: LabNode, far: LabNode) -> bool:
    return f"{NEW}/32" in published(near, far)["allowedIPs"]


def routes(node: LabNode) -> bool:
    listed = firewall(node)
    return bool(
        re.search(rf"\b{NEW}\b", listed) and not re.search(rf"\b{OLD}\b", listed)
    )


@pytest.mark.checklist(43)
def test_tunnels_follow_a_node_to_its_new_address(lab: Lab) -> None:
    one, two, three = lab.nodes
    assert endpoint_in_use(one, two) == f"{OLD}:51820"
    pids = [node.daemon_pid for node in lab.nodes]

    # node-2 has something to say, as nodes have: its packets tell where it is now
    with steady_ping(two, mesh_of(one)), steady_ping(two, mesh_of(three)):
        say(two, MOVE)
        for near in (one, three):
            what = f"{near.name} follows node-2"
            # userspace WireGuard clings to the old source for 15 s
            eventually(partial(follows, near, two), what, near, two, timeout_s=45)

    assert lab.ping("node-1", "node-2").is_whole
    assert lab.ping_pods("node-3", "node-2").is_whole
    assert [node.daemon_pid for node in lab.nodes] == pids
    assert all(sees_up(near, far) for near, far in permutations(lab.nodes, 2))


@pytest.mark.timeout(200)
def test_discovery_tells_of_the_new_address_and_it_is_routed(lab: Lab) -> None:
    one, two, three = lab.nodes

    for near in (one, three):
        told = f"{near.name} is told of node-2's new address"
        eventually(partial(is_told, near, two), told, near, two, timeout_s=90)
        assert f"{OLD}/32" not in published(near, two)["allowedIPs"]
        assert f"{NEW}:51820" in published(near, two)["endpoints"]
        routed = f"{near.name} routes the new address and not the old one"
        eventually(partial(routes, near), routed, near)
        assert near.run(["ping", "-nqc1", "-W1", NEW], check=False).returncode == 0

    assert all(follows(near, two) for near in (one, three))
    assert all(sees_up(near, far) for near, far in permutations(lab.nodes, 2))
