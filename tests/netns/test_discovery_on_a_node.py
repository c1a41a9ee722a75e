"""A discovery service on a node of the mesh: discovery never depends on the mesh."""

import shutil
from collections.abc import Iterator

import pytest

from kubespan.lab.lab import Lab
from kubespan.lab.node import LabNode
from kubespan.lab.place import Running, python_module
from kubespan.lab.service import ALONE
from kubespan.lab.topology import DISCOVERY_PORT, LabSpec
from tests.netns.support import (
    address_of,
    edit_config,
    eventually,
    firewall,
    key_of,
    kubespan,
    mesh_of,
    running_lab,
    say,
    sees_up,
)

pytestmark = [pytest.mark.netns, pytest.mark.timeout(240)]

AGAIN_S = 60.0


@pytest.fixture
def lab() -> Iterator[Lab]:
    spec = LabSpec("e2eonnode", nodes=2, nat=0)
    with Lab.create(spec, start=False, replace_running=True) as made:
        yield made


def serve(node: LabNode) -> Running:
    """Run a discovery service on a node."""
    address = f":{DISCOVERY_PORT}"
    running = node.spawn(python_module("discovery", "--addr", address, *ALONE))
    listening = f":{DISCOVERY_PORT} "
    eventually(lambda: listening in say(node, "ss -ltnH"), "the service listens", node)
    return running


def reinstall(node: LabNode) -> None:
    """Stop a node's daemon and take away all it ever made, its identity too."""
    node.stop_daemon()
    node.run(kubespan(node, "down"))
    for entry in node.files.state_dir.iterdir():
        (shutil.rmtree if entry.is_dir() else type(entry).unlink)(entry)


def rules_past(node: LabNode) -> list[str]:
    """Return the rules that keep TCP out of the tunnel, chain by chain."""
    lines = (line.strip() for line in firewall(node).splitlines())
    return [line for line in lines if " tcp dport " in line or " tcp sport " in line]


def test_a_service_on_a_node_that_is_reinstalled(lab: Lab) -> None:
    one, two = lab.nodes
    service = serve(one)
    for node in lab.nodes:
        at = f"http://{address_of(one)}:{DISCOVERY_PORT}"
        edit_config(node, "DiscoveryServiceConfig", endpoint=at)
    lab.start_daemons(lab.nodes)
    lab.wait_until_up(AGAIN_S)
    old_key = key_of(one)

    # with the host go the service and all connections to it
    service.stop()
    reinstall(one)
    service = serve(one)
    one.start_daemon()

    eventually(lambda: key_of(one) != old_key, "a new key", one)
    what = "both are up with each other again"
    eventually(
        lambda: sees_up(one, two) and sees_up(two, one),
        what,
        one,
        two,
        timeout_s=AGAIN_S,
    )
    assert two.run(["ping", "-c1", "-W2", mesh_of(one)]).returncode == 0
    ip, port = address_of(one), DISCOVERY_PORT
    both_ways = [
        f"ip daddr {ip} tcp dport {port} accept",
        f"ip saddr {ip} tcp sport {port} accept",
    ]
    assert rules_past(one) == rules_past(two) == 2 * both_ways
    service.stop()


def test_a_service_elsewhere_needs_no_rules() -> None:
    for lab in running_lab(LabSpec("e2eelsewhere", nodes=2, nat=0)):
        assert [rules_past(node) for node in lab.nodes] == [[], []]
