"""Whatever somebody else does to what is ours, it is back within seconds."""

from collections.abc import Iterator

import pytest

from kubespan.lab.lab import Lab
from kubespan.lab.topology import LabSpec
from tests.netns.support import (
    eventually,
    eventually_same,
    mesh_of,
    picture,
    running_lab,
    say,
    sees_up,
    steady_ping,
)

pytestmark = [pytest.mark.netns, pytest.mark.timeout(120)]

REPAIR_S = 10.0
STRANGER = """\
table inet stranger {
  chain input { type filter hook input priority 0; policy accept; tcp dport 1 drop; }
}
"""
DELETE_A_RULE = """\
handle=$(nft -a list chain inet kubespan kubespan_outgoing |
  sed -n 's/.*meta mark set.*handle //p')
nft delete rule inet kubespan kubespan_outgoing handle $handle
"""
# The shell cannot be its own victim: its last word is no "kubespan".
KILL_WIREGUARD = """\
for process in /proc/[0-9]*; do
  if tr '\\0' '\\n' <$process/cmdline | sed -n '$p' | grep -qx kubespan; then
    kill -$SIGNAL ${process#/proc/}
  fi
done 2>/dev/null
while ip link show kubespan >/dev/null 2>&1; do sleep 0.02; done
"""
QUIET = {
    "our table is deleted": "nft delete table inet kubespan",
    "our table is emptied": "nft flush table inet kubespan",
    "a firewall rule is deleted": DELETE_A_RULE,
    "a firewall rule is added": (
        "nft insert rule inet kubespan kubespan_prerouting accept"
    ),
    "routing rules are deleted": (
        "ip -4 rule del pref 32500; ip -6 rule del pref 32500"
    ),
    "routes are deleted": "ip -4 route flush table 180; ip -6 route flush table 180",
    "the MTU is changed": "ip link set kubespan mtu 1300",
    "the reverse-path filter is switched on": (
        "echo 1 >/proc/sys/net/ipv4/conf/kubespan/rp_filter"
    ),
}
LOUD = {
    "the mesh address is deleted": "ip -6 addr flush dev kubespan scope global",
    "the link is set down": "ip link set kubespan down",
    "the link is deleted": "ip link del kubespan",
    "the mark is changed": "wg set kubespan fwmark 0",
    "the port is changed": "wg set kubespan listen-port 12345",
    "all peers are removed": (
        "for key in $(wg show kubespan peers); do"
        " wg set kubespan peer $key remove; done"
    ),
    "everything is flushed": (
        "nft flush ruleset; ip rule del pref 32500; ip addr flush dev kubespan;"
        " ip route flush table 180; wg set kubespan private-key /dev/null"
    ),
}


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    yield from running_lab(LabSpec("e2erepair", nodes=2, nat=0))


@pytest.fixture(scope="module")
def before(lab: Lab) -> str:
    return picture(lab.node("node-1"))


def damaged_and_repaired(lab: Lab, before: str, damage: str) -> None:
    one, two = lab.nodes

    say(one, damage)

    eventually_same(lambda: picture(one), before, one, timeout_s=REPAIR_S)
    eventually(
        lambda: lab.ping("node-1", "node-2", count=1).is_whole, "node-2 answers", one
    )
    eventually(lambda: sees_up(one, two) and sees_up(two, one), "both are up", one, two)


@pytest.mark.parametrize("damage", QUIET.values(), ids=QUIET)
def test_damage_is_repaired_while_mesh_addresses_answer(
    lab: Lab, before: str, damage: str
) -> None:
    one, two = lab.nodes

    with steady_ping(one, mesh_of(two)) as pinged:
        damaged_and_repaired(lab, before, damage)

    assert pinged.is_whole


@pytest.mark.parametrize("damage", LOUD.values(), ids=LOUD)
def test_damage_that_interrupts_is_repaired(lab: Lab, before: str, damage: str) -> None:
    damaged_and_repaired(lab, before, damage)


@pytest.mark.parametrize("number", ["TERM", "KILL"])
def test_userspace_wireguard_that_ended_is_started_again(
    lab: Lab, before: str, number: str
) -> None:
    one = lab.node("node-1")
    (plane,) = one.resources("dataplanes")
    if plane["spec"]["kind"] != "userspace":
        pytest.skip("this kernel has WireGuard: there is no process to kill")

    damaged_and_repaired(lab, before, f"SIGNAL={number}\n{KILL_WIREGUARD}")

    (again,) = one.resources("dataplanes")
    assert again["spec"]["pid"] != plane["spec"]["pid"]


def test_a_table_of_somebody_else_is_neither_changed_nor_restored(
    lab: Lab, before: str
) -> None:
    one = lab.node("node-1")
    one.run(["nft", "-f", "-"], text=STRANGER)
    listed = say(one, "nft -a list table inet stranger")

    damaged_and_repaired(lab, before, "nft delete table inet kubespan")
    assert say(one, "nft -a list table inet stranger") == listed

    damaged_and_repaired(lab, before, "nft flush ruleset")
    assert say(one, "nft list tables") == "table inet kubespan\n"


def test_a_route_of_somebody_else_in_our_place_is_told_and_left_alone(
    lab: Lab, before: str
) -> None:
    one = lab.node("node-1")
    say(one, "ip route replace default dev eth0 table 180 metric 1")

    eventually(lambda: "takes its place" in one.ctl("status"), "it is told", one)
    assert "dev eth0" in say(one, "ip route show table 180")

    damaged_and_repaired(lab, before, "ip route flush table 180")
    assert "takes its place" not in one.ctl("status")


def test_repairs_leave_no_error_behind(lab: Lab) -> None:
    one = lab.node("node-1")

    def failing() -> list[str]:
        edges = one.resources("edgestatuses")
        return [str(edge) for edge in edges if edge["spec"]["error"]]

    eventually(lambda: not failing(), "nothing fails", one, timeout_s=60)
    assert not [line for line in one.log_tail(300) if "Traceback" in line]
