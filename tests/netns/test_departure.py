"""Leaving: what the others notice, and what stays behind in the host."""

import re
from collections.abc import Iterator
from functools import partial

import pytest

from kubespan.lab.lab import Lab
from kubespan.lab.node import LabNode
from kubespan.lab.topology import LabSpec
from tests.netns.support import (
    eventually,
    key_of,
    kubespan,
    mesh_of,
    say,
    sees_up,
    steady_ping,
)

pytestmark = [pytest.mark.netns, pytest.mark.timeout(120)]

# Everything of the network an operator can look at.
HOST = """\
ip -d link
ip addr
ip -4 rule
ip -6 rule
ip -4 route show table all
ip -6 route show table all
nft list ruleset
sysctl -a 2>/dev/null | grep -E '^net\\.(ipv4\\.(ip_forward|conf)|ipv6\\.conf)'
ls /var/run/wireguard 2>/dev/null || true
"""
# A host on which we have to change switches, with a firewall of its own.
CAREFUL = """\
for switch in /proc/sys/net/ipv4/conf/*/rp_filter; do echo 1 >$switch; done
echo 0 >/proc/sys/net/ipv4/ip_forward
nft add table inet stranger
nft add chain inet stranger input '{ type filter hook input priority 0; }'
nft add rule inet stranger input tcp dport 1 drop
ip rule add priority 100 to 192.0.2.0/24 lookup 100
ip route add 192.0.2.0/24 dev eth0 table 100
ip route add blackhole 192.0.2.7 table 180
"""


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    spec = LabSpec("e2eleave", nodes=3, nat=0)
    with Lab.create(spec, start=False, replace_running=True) as made:
        yield made


def host(node: LabNode) -> str:
    """Return a host's network as text, without counters and running times."""
    shown = say(node, HOST)
    return re.sub(r"expires \d+sec", "expires", shown)


@pytest.mark.checklist(54, 55)
def test_down_leaves_the_host_as_it_was_before_the_daemon_ever_ran(lab: Lab) -> None:
    careful, *others = lab.nodes
    say(careful, CAREFUL)
    before = host(careful)
    lab.start()
    lab.wait_until_up(30)
    assert lab.ping_pods("node-2", "node-1").is_whole
    assert say(careful, "sysctl -n net.ipv4.conf.all.rp_filter") == "0\n"
    careful.stop_daemon()
    stopped = host(careful)

    done = careful.run(kubespan(careful, "down"))

    assert "net.ipv4.ip_forward = 0" in before
    assert "dev kubespan" in stopped
    assert host(careful) == before
    assert done.stdout.splitlines()[-1] == "nothing of ours is left in this host"
    assert all(sees_up(near, far) for near, far in (others, reversed(others)))


def test_down_again_finds_nothing_to_do(lab: Lab) -> None:
    one = lab.node("node-1")
    before = host(one)

    done = one.run(kubespan(one, "down"))

    assert done.stdout == "nothing of ours is left in this host\n"
    assert host(one) == before


@pytest.mark.checklist(9)
def test_after_down_the_node_comes_back_as_the_same(lab: Lab) -> None:
    one, two, _ = lab.nodes
    known = {row["metadata"]["id"] for row in two.resources("kubespanpeerspecs")}

    one.start_daemon()
    lab.wait_until_up(30)

    assert key_of(one) in known


@pytest.mark.checklist(37, 44)
def test_a_node_that_resets_disappears_and_nobody_else_is_disturbed(lab: Lab) -> None:
    one, two, three = lab.nodes
    lab.start_daemons(lab.nodes)
    lab.wait_until_up(30)
    key = key_of(three)

    with steady_ping(one, mesh_of(two)) as pinged:
        three.stop_daemon()
        for near in (one, two):
            assert key in say(near, "wg show kubespan peers")
            assert sees_up(near, three)

        done = three.run(kubespan(three, "reset", "--yes"))

        assert done.stderr == ""
        for near in (one, two):
            gone = f"{near.name} has forgotten node-3"
            eventually(partial(has_forgotten, near, key), gone, near)
            assert "10.244.3" not in say(near, "nft list table inet kubespan")
        assert nothing_left(three)

    assert pinged.is_whole


@pytest.mark.checklist(44)
def test_a_node_that_joins_disturbs_nobody(lab: Lab) -> None:
    one, two, three = lab.nodes

    with steady_ping(one, mesh_of(two)) as pinged:
        three.start_daemon()
        eventually(lambda: sees_up(three, one, two), "node-3 sees the others", three)
        eventually(lambda: sees_up(one, three), "it is seen", one)

    assert pinged.is_whole


def test_wiped_it_comes_back_as_another_node(lab: Lab) -> None:
    one, _, three = lab.nodes
    key = key_of(three)

    three.stop_daemon()
    three.run(kubespan(three, "reset", "--yes", "--wipe"))
    assert list(three.files.state_dir.parent.glob("state/*")) == []
    three.start_daemon()

    eventually(lambda: sees_up(one, three), "the new node-3 is up", one, three)
    assert key_of(three) != key
    eventually(partial(has_forgotten, one, key), "the old one is forgotten", one)


def has_forgotten(node: LabNode, key: str) -> bool:
    shown = [say(node, "wg show kubespan peers")]
    shown += [
        str(node.resources(kind))
        for kind in ("kubespanpeerspecs", "kubespanpeerstatuses", "affiliates")
    ]
    return not any(key in text for text in shown)


def nothing_left(node: LabNode) -> bool:
    return not re.search(r"kubespan|32500|table 180", host(node))
