"""What a tunnel outlives: the discovery service, the daemon, both at once."""

import signal
import time
from collections.abc import Iterator
from functools import partial

import pytest

from kubespan.lab.lab import Lab
from kubespan.lab.node import LabNode
from kubespan.lab.topology import LabSpec
from tests.netns.support import (
    address_of,
    eventually,
    key_of,
    kubespan,
    mesh_of,
    running_lab,
    say,
    sees_up,
    steady_ping,
)

pytestmark = [pytest.mark.netns, pytest.mark.timeout(180)]

TTL_S = 4.0


@pytest.fixture(scope="module")
def survivors() -> Iterator[Lab]:
    spec = LabSpec(
        "e2esurvive",
        nodes=3,
        nat=0,
        discovery_options=("--gc-interval", "500ms"),
        environment={"KUBESPAN_DISCOVERY_TTL": f"{TTL_S:g}"},
    )
    yield from running_lab(spec)


@pytest.fixture
def lab(survivors: Lab) -> Lab:
    if not survivors.discovery.is_running:
        survivors.discovery.start()
    survivors.start_daemons(survivors.nodes)
    survivors.wait_until_up(60)
    return survivors


def registry(node: LabNode) -> tuple[bool, int]:
    """Tell whether a node is connected, and how many nodes the service lists."""
    (status,) = node.resources("registrystatuses")
    return status["spec"]["connected"], status["spec"]["affiliates"]


def is_told_of_both(node: LabNode) -> bool:
    return registry(node) == (True, 2)


def userspace_pid(node: LabNode) -> int:
    """Return the process that does WireGuard; 0 where the kernel does it."""
    program = node.place.find(lambda process: process.arguments[-1:] == ("kubespan",))
    (plane,) = node.resources("dataplanes")
    assert (program is None) == (plane["spec"]["kind"] == "kernel")
    return program.pid if program else 0


@pytest.mark.checklist(30, 31)
def test_a_service_that_was_away_for_longer_than_the_ttl_and_comes_back_empty(
    lab: Lab,
) -> None:
    one, two, three = lab.nodes

    with (
        steady_ping(one, mesh_of(two)) as over_mesh,
        steady_ping(two, address_of(three)) as over_tunnel,
    ):
        lab.discovery.stop(signal.SIGKILL)
        eventually(lambda: not registry(one)[0], "the outage is noticed", one)
        time.sleep(TTL_S + 2)  # the point is that it is really that long
        assert all(sees_up(near, far) for near, far in pairs(lab))
        lab.discovery.start()
        for node in lab.nodes:
            what = f"{node.name} is told of both others again"
            eventually(partial(is_told_of_both, node), what, node)
        time.sleep(TTL_S + 1)  # who was not refreshed would be gone by then
        assert all(map(is_told_of_both, lab.nodes))
        assert all(sees_up(near, far) for near, far in pairs(lab))

    assert (over_mesh.lost, over_tunnel.lost) == (0, 0)
    assert over_mesh.sent > 20 * TTL_S


def pairs(lab: Lab) -> list[tuple[LabNode, LabNode]]:
    return [(near, far) for near in lab.nodes for far in lab.nodes if near is not far]


@pytest.mark.checklist(9)
@pytest.mark.parametrize(
    "number",
    [
        pytest.param(signal.SIGTERM, id="stopped"),
        pytest.param(signal.SIGKILL, id="killed"),
    ],
)
def test_a_daemon_started_again_adopts_the_tunnel(
    lab: Lab, number: signal.Signals
) -> None:
    one, two, three = lab.nodes
    key, tunnel = key_of(one), userspace_pid(one)

    with (
        steady_ping(one, mesh_of(two)) as outward,
        steady_ping(three, address_of(one)) as inward,
    ):
        one.stop_daemon(number)
        assert "kubespan" in say(one, "ip link show kubespan")
        one.start_daemon()
        eventually(lambda: sees_up(one, two, three), "peers are up again", one)
        eventually(lambda: is_told_of_both(one), "it is connected", one)

    assert (outward.lost, inward.lost) == (0, 0)
    assert (key_of(one), userspace_pid(one)) == (key, tunnel)


@pytest.mark.checklist(9)
def test_a_daemon_started_again_while_discovery_is_dead_knows_its_last_peers(
    lab: Lab,
) -> None:
    one, two, three = lab.nodes
    lab.discovery.stop()

    with steady_ping(one, mesh_of(two)) as pinged:
        one.stop_daemon()
        one.start_daemon()
        eventually(lambda: sees_up(one, two, three), "peers are up again", one)
        assert not registry(one)[0]

    assert pinged.is_whole


def test_a_host_that_boots_while_discovery_is_dead_finds_its_last_peers(
    lab: Lab,
) -> None:
    one, two, three = lab.nodes
    lab.discovery.stop()
    one.stop_daemon(signal.SIGKILL)
    # as after a boot: nothing but the disk is left
    say(one, "ip link del kubespan; nft flush ruleset; ip rule del pref 32500")

    one.start_daemon()

    eventually(lambda: sees_up(one, two, three), "peers are up again", one)
    eventually(lambda: lab.ping("node-1", "node-2").is_whole, "node-2 answers", one)
    assert not registry(one)[0]


def test_the_mesh_forms_again_after_all_daemons_were_killed_at_once(lab: Lab) -> None:
    one, two, _ = lab.nodes

    with steady_ping(one, mesh_of(two)) as pinged:
        for node in lab.nodes:
            node.stop_daemon(signal.SIGKILL)
        lab.start_daemons(lab.nodes)
        lab.wait_until_up(30)

    assert pinged.is_whole


def test_a_second_daemon_with_the_same_state_says_so_in_one_line(lab: Lab) -> None:
    one = lab.node("node-1")
    pid = one.daemon_pid

    command = kubespan(one, "run", "--socket", "/run/kubespan/second.sock")
    second = one.run(command, check=False, timeout_s=20)

    assert second.returncode == 1
    assert second.stdout == ""
    (line,) = second.stderr.splitlines()
    assert str(one.files.state_dir) in line
    assert "Traceback" not in line
    assert one.daemon_pid == pid
    assert lab.ping("node-1", "node-2").is_whole


@pytest.mark.parametrize("command", ["down", "reset --yes"])
def test_nothing_is_removed_while_the_daemon_runs(lab: Lab, command: str) -> None:
    one = lab.node("node-1")

    refused = one.run(kubespan(one, *command.split()), check=False)

    assert refused.returncode == 1
    assert len(refused.stderr.splitlines()) == 1
    assert str(one.files.state_dir) in refused.stderr
    assert lab.ping("node-1", "node-2").is_whole
    eventually(lambda: is_told_of_both(lab.node("node-2")), "it is known still")
