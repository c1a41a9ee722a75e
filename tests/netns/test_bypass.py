"""Traffic to a peer that is down: lost rather than readable, unless allowed."""

import signal
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from kubespan.lab.capture import inspect_capture
from kubespan.lab.lab import Lab
from kubespan.lab.node import LabNode
from kubespan.lab.ping import PAYLOAD, Ping, ping
from kubespan.lab.tap import listening
from kubespan.lab.topology import LabSpec
from tests.netns.support import (
    address_of,
    edit_config,
    eventually,
    firewall,
    mesh_of,
    running_lab,
    say,
    sees_up,
    steady_ping,
)

pytestmark = [pytest.mark.netns, pytest.mark.timeout(150), pytest.mark.checklist(52)]

# No WireGuard passes the internet to or from node-3; everything else does.
CENSOR = """\
table inet censor {
  chain forward {
    type filter hook forward priority 0; policy accept;
    ip daddr 198.18.3.2 udp dport 51820 drop
    ip saddr 198.18.3.2 udp sport 51820 drop
  }
}
"""


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    yield from running_lab(LabSpec("e2ebypass", nodes=2, nat=0))


@pytest.fixture(scope="module")
def three(lab: Lab) -> LabNode:
    """A node all know of and nobody can reach with WireGuard."""
    lab.internet.run(["nft", "-f", "-"], text=CENSOR)
    node = lab.join()
    one = lab.node("node-1")
    eventually(lambda: "node-3" in one.peer_states(), "node-1 hears of node-3", one)
    return node


def routes(node: LabNode, address: str) -> bool:
    return address in firewall(node)


def tapped(lab: Lab, far: LabNode, file: Path) -> tuple[Ping, int]:
    """Ping a node from node-1; return what became of it and how much was readable."""
    where = lab.node("node-1").plan.outside_port
    with listening(lab.internet, where, f"host {address_of(far)}", file) as tap:
        pinged = ping(lab.node("node-1").place, address_of(far))
    return pinged, inspect_capture(tap.content, (PAYLOAD,)).readable


def test_by_default_nothing_leaves_in_the_clear_while_the_link_is_away(
    lab: Lab, tmp_path: Path
) -> None:
    one, two = lab.node("node-1"), lab.node("node-2")
    one.stop_daemon(signal.SIGKILL)
    say(one, "ip link del kubespan")

    pinged, readable = tapped(lab, two, tmp_path / "tap")
    one.start_daemon()
    eventually(lambda: sees_up(one, two), "node-2 is up again", one)
    again, still_readable = tapped(lab, two, tmp_path / "tap")

    assert (pinged.received, readable) == (0, 0)
    assert again.is_whole
    assert still_readable == 0


def test_by_default_nothing_for_a_peer_that_is_down_leaves_in_the_clear(
    lab: Lab, three: LabNode, tmp_path: Path
) -> None:
    one = lab.node("node-1")
    assert not sees_up(one, three)

    pinged, readable = tapped(lab, three, tmp_path / "tap")

    assert (pinged.received, readable) == (0, 0)
    assert "198.18.3.2" in firewall(one)


def test_with_bypass_what_is_for_a_peer_that_is_down_goes_in_the_clear(
    lab: Lab, three: LabNode, tmp_path: Path
) -> None:
    one, two, _ = lab.nodes

    with steady_ping(one, mesh_of(two)) as undisturbed:
        for node in (one, three):
            edit_config(node, "KubeSpanConfig", allowDownPeerBypass=True)
        what = "node-3 is routed no longer, node-2 is"
        eventually(lambda: "198.18.3.2" not in firewall(one), what, one)
        eventually(lambda: "198.18.1.2" not in firewall(three), what, three)
        pinged, readable = tapped(lab, three, tmp_path / "tap")

    assert "198.18.2.2" in firewall(one)
    assert pinged.is_whole
    assert readable >= 2 * pinged.sent
    assert undisturbed.is_whole


def test_once_the_peer_is_up_it_is_routed_through_the_tunnel_again(
    lab: Lab, three: LabNode, tmp_path: Path
) -> None:
    one = lab.node("node-1")

    lab.internet.run(["nft", "delete", "table", "inet", "censor"])
    up = "node-3 is up"
    eventually(lambda: sees_up(one, three), up, one, timeout_s=45)
    eventually(lambda: sees_up(three, one), up, three, timeout_s=45)
    for node, address in ((one, "198.18.3.2"), (three, "198.18.1.2")):
        routed = f"{node.name} routes it through the tunnel"
        eventually(partial(routes, node, address), routed, node)
    pinged, readable = tapped(lab, three, tmp_path / "tap")

    assert pinged.is_whole
    assert readable == 0
