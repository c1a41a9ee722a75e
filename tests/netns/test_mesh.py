"""A mesh of four, one behind NAT: what the host looks like, and the way of packets."""

import re
from collections.abc import Iterator
from itertools import permutations

import pytest

from kubespan.lab.lab import Lab
from kubespan.lab.node import LabNode
from kubespan.lab.place import Place
from kubespan.lab.topology import LabSpec
from tests.netns.support import (
    CTL,
    address_of,
    cells,
    eventually,
    firewall,
    key_of,
    mesh_of,
    pod_of,
    read_until,
    running_lab,
    say,
    sees_up,
)

pytestmark = [pytest.mark.netns, pytest.mark.timeout(180)]

# kubespan.md section 4.7
RULE = "32500:\tfrom all fwmark 0x40/0x60 lookup 180 proto static"
ROUTE = "default dev kubespan proto static metric 1 mtu 1420"
# kubespan.md section 4.9, with a table name of our own and what node-1 routes
ROUTED = "ip daddr { 10.99.1.2, 10.244.2.0-10.244.4.255, 198.18.2.2, 198.18.3.2 }"
ROUTED6 = "ip6 daddr { 2001:db8:0:2::2, 2001:db8:0:3::2 }"
FLAGS = "tcp flags syn / syn,rst"
CLAMP = "tcp option maxseg size > {0} tcp option maxseg size set {0}"
MARK = "meta mark set meta mark & 0xffffffdf | 0x00000040 accept"
LISTING = f"""\
table inet kubespan {{
	chain kubespan_outgoing {{
		type route hook output priority filter; policy accept;
		meta mark & 0x00000060 == 0x00000020 accept
		oifname "lo" accept
		{ROUTED} {FLAGS} {CLAMP.format(1368)}
		{ROUTED6} {FLAGS} {CLAMP.format(1348)}
		{ROUTED} {MARK}
		{ROUTED6} {MARK}
	}}

	chain kubespan_prerouting {{
		type filter hook prerouting priority filter; policy accept;
		meta mark & 0x00000060 == 0x00000020 accept
		{ROUTED} {MARK}
		{ROUTED6} {MARK}
	}}
}}
"""
# Somebody else's table that notes by which link and with which mark packets leave.
WALK = """\
table inet walk {
  set pings { typeof oifname . meta mark; size 64; flags dynamic; }
  set outer { typeof oifname . meta mark; size 64; flags dynamic; }
  set forwarded { typeof oifname . meta mark; size 64; flags dynamic; }
  chain out {
    type filter hook postrouting priority 300;
    icmp type echo-request add @pings { oifname . meta mark }
    icmpv6 type echo-request add @pings { oifname . meta mark }
    udp dport 51820 add @outer { oifname . meta mark }
  }
  chain forward {
    type filter hook forward priority 300;
    icmp type echo-request add @forwarded { oifname . meta mark }
  }
}
"""
ELEMENT = re.compile(r'"([^"]*)" \. (0x[0-9a-f]+)')


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    yield from running_lab(LabSpec("e2emesh", nodes=4, nat=1, ipv6=True))


@pytest.fixture
def walk(lab: Lab) -> Iterator[LabNode]:
    node = lab.node("node-1")
    node.run(["nft", "-f", "-"], text=WALK)
    yield node
    node.run(["nft", "delete", "table", "inet", "walk"])


def seen(node: LabNode, name: str) -> set[tuple[str, int]]:
    listed = node.run(["nft", "list", "set", "inet", "walk", name]).stdout
    return {(link, int(mark, 16)) for link, mark in ELEMENT.findall(listed)}


def ping_once(place: LabNode | Place, address: str, mark: int = 0) -> bool:
    options = ["-m", str(mark)] if mark else []
    command = ["ping", "-n", "-q", "-c1", "-W1", *options, address]
    return place.run(command, check=False).returncode == 0


def rows_of(node: LabNode, *command: str) -> list[list[str]]:
    return cells(node.ctl(*command))[1:]


@pytest.mark.checklist(47)
def test_every_pair_reaches_each_other_over_mesh_and_pod_addresses(lab: Lab) -> None:
    pairs = [(near.name, far.name) for near, far in permutations(lab.nodes, 2)]

    over_mesh = [pair for pair in pairs if not lab.ping(*pair, count=1).is_whole]
    over_pods = [pair for pair in pairs if not lab.ping_pods(*pair, count=1).is_whole]

    assert (over_mesh, over_pods) == ([], [])


@pytest.mark.checklist(46)
@pytest.mark.parametrize("family", ["-4", "-6"])
def test_rules_and_routes_are_those_of_the_specification(lab: Lab, family: str) -> None:
    for node in lab.nodes:
        rules = node.run(["ip", family, "rule"]).stdout.splitlines()
        routes = node.run(["ip", family, "route", "show", "table", "180"]).stdout

        assert [rule for rule in rules if "32500" in rule] == [RULE]
        into, nowhere = routes.splitlines()
        assert into.strip().removesuffix(" pref medium") == ROUTE
        assert nowhere.startswith("unreachable default ")
        assert "metric 65535" in nowhere


@pytest.mark.checklist(47)
def test_link_has_the_mesh_address_with_the_length_of_the_mesh(lab: Lab) -> None:
    for node in lab.nodes:
        shown = node.run(["ip", "-6", "-o", "addr", "show", "dev", "kubespan"]).stdout
        link = node.run(["ip", "-o", "link", "show", "dev", "kubespan"]).stdout

        assert re.findall(r"inet6 (\S+) scope global", shown) == [f"{mesh_of(node)}/64"]
        assert "permanent" in shown or "valid_lft forever" in shown
        assert " mtu 1420 " in link
        assert ",UP," in link


@pytest.mark.checklist(48)
def test_firewall_is_that_of_the_specification(lab: Lab) -> None:
    assert firewall(lab.node("node-1")) == LISTING


@pytest.mark.checklist(39, 41)
def test_wireguard_is_configured_as_all_nodes_of_the_cluster_are(lab: Lab) -> None:
    one, *others = lab.nodes
    addresses = {
        "node-2": ["10.244.2.0/24", "198.18.2.2/32", "2001:db8:0:2::2/128"],
        "node-3": ["10.244.3.0/24", "198.18.3.2/32", "2001:db8:0:3::2/128"],
        "node-4": ["10.99.1.2/32", "10.244.4.0/24"],
    }

    device, *peers = (
        line.split("\t") for line in say(one, "wg show kubespan dump").splitlines()
    )

    assert device[1:] == [key_of(one), "51820", "0x20"]
    assert {peer[0]: (peer[1], peer[2], peer[3], peer[7]) for peer in peers} == {
        key_of(node): (
            lab.record.cluster_secret,
            f"{node.plan.outside_address}:51820",
            ",".join([*addresses[node.name], f"{mesh_of(node)}/128"]),
            "25",
        )
        for node in others
    }


@pytest.mark.checklist(48, 49)
@pytest.mark.parametrize(
    ("mark", "way"),
    [
        pytest.param(0, ("kubespan", 0x40), id="unmarked goes into the tunnel"),
        pytest.param(0x4000, ("kubespan", 0x4040), id="other bits are kept"),
        pytest.param(0x40, ("kubespan", 0x40), id="forced already"),
        pytest.param(0x60, ("kubespan", 0x40), id="both bits are not WireGuard's mark"),
        pytest.param(0x20, ("eth0", 0x20), id="WireGuard's mark goes in the clear"),
        pytest.param(0x10020, ("eth0", 0x10020), id="WireGuard's mark and other bits"),
    ],
)
def test_packets_to_a_peer_take_the_way_their_mark_says(
    lab: Lab, walk: LabNode, mark: int, way: tuple[str, int]
) -> None:
    ping_once(walk, address_of(lab.node("node-2")), mark)

    assert seen(walk, "pings") == {way}


@pytest.mark.checklist(47, 49)
def test_encrypted_packets_and_those_of_others_are_left_alone(
    lab: Lab, walk: LabNode
) -> None:
    two = lab.node("node-2")

    assert ping_once(walk, address_of(two))
    assert seen(walk, "outer") == {("eth0", 0x20)}

    assert ping_once(walk, mesh_of(two))
    assert ping_once(walk, "198.19.255.2")
    ways = {("kubespan", 0x40), ("kubespan", 0), ("eth0", 0)}
    assert seen(walk, "pings") == ways


@pytest.mark.checklist(48)
def test_packets_of_pods_are_marked_before_they_are_routed(
    lab: Lab, walk: LabNode
) -> None:
    assert ping_once(walk.pod, pod_of(lab.node("node-2")))
    assert ping_once(walk.pod, address_of(lab.node("node-3")))

    assert seen(walk, "forwarded") == {("kubespan", 0x40)}


@pytest.mark.checklist(50)
@pytest.mark.parametrize(
    ("address", "mss"),
    [
        pytest.param("198.18.2.2", 1368, id="IPv4"),
        pytest.param("2001:db8:0:2::2", 1348, id="IPv6"),
    ],
)
def test_connections_arrive_with_the_mss_of_the_tunnel(
    lab: Lab, address: str, mss: int
) -> None:
    one, two = lab.node("node-1"), lab.node("node-2")
    tap = two.spawn(["tcpdump", "-nlc1", "-ikubespan", f"dst {address} and tcp"])
    for line in tap.child.stderr or ():
        if b"listening on" in line:
            break

    one.run(["bash", "-c", f"timeout 5 bash -c '</dev/tcp/{address}/9'"], check=False)

    assert f"mss {mss}," in tap.wait(5).stdout.decode()


@pytest.mark.checklist(61)
@pytest.mark.parametrize(
    ("command", "header"),
    [
        pytest.param(
            "get kubespanpeerstatuses",
            "NODE NAMESPACE TYPE ID VERSION LABEL ENDPOINT STATE RX TX",
            id="get kubespanpeerstatuses",
        ),
        pytest.param(
            "get kubespanpeerspecs",
            "NODE NAMESPACE TYPE ID VERSION LABEL ENDPOINTS",
            id="get kubespanpeerspecs",
        ),
        pytest.param(
            "members",
            "NODE NAMESPACE TYPE ID VERSION HOSTNAME MACHINE TYPE OS ADDRESSES",
            id="members",
        ),
        pytest.param(
            "affiliates",
            "NODE NAMESPACE TYPE ID VERSION HOSTNAME MACHINE TYPE ADDRESSES",
            id="affiliates",
        ),
        pytest.param(
            "identity",
            "NODE NAMESPACE TYPE ID VERSION ADDRESS PUBLICKEY",
            id="identity",
        ),
        pytest.param(
            "peers", "NAME STATE ENDPOINT HANDSHAKE RX TX NEXT", id="peers for people"
        ),
    ],
)
def test_a_live_node_shows_the_columns_of_talos(
    lab: Lab, command: str, header: str
) -> None:
    first, *rows = cells(lab.node("node-1").ctl(*command.split()))

    assert " ".join(first) == header
    names = {"identity": set(), "peers": set()}.get(command, {"node-2", "node-3"})
    assert names <= {cell for row in rows for cell in row}


@pytest.mark.checklist(61)
def test_peers_and_members_are_listed_with_what_is_known_of_them(lab: Lab) -> None:
    one = lab.node("node-1")

    statuses = {row[5]: row for row in rows_of(one, "get", "kubespanpeerstatuses")}
    members = {row[3]: row for row in rows_of(one, "members")}
    peers = {row[0]: row for row in rows_of(one, "peers")}

    assert statuses["node-4"][:3] == ["node-1", "kubespan", "KubeSpanPeerStatus"]
    assert statuses["node-4"][6:8] == ["198.19.1.2:51820", "up"]
    assert sorted(members) == ["node-1", "node-2", "node-3", "node-4"]
    assert members["node-2"][6] == "worker"
    assert (
        f'["198.18.2.2","2001:db8:0:2::2","{mesh_of(lab.node("node-2"))}"]'
        in (members["node-2"])
    )
    assert peers["node-4"][1:3] == ["up", "198.19.1.2:51820"]
    assert peers["node-4"][3].endswith(" ago")


def test_status_tells_a_node_at_a_glance(lab: Lab) -> None:
    one = lab.node("node-1")

    rows = dict(row for row in cells(one.ctl("status")) if len(row) == 2)

    assert rows["address"] == f"{mesh_of(one)}/128"
    assert rows["public key"] == key_of(one)
    assert rows["public address"] == "198.18.1.2/32"
    assert rows["peers"] == "3 known: 3 up, 0 down, 0 unknown"
    assert rows["registry"].endswith("connected, 3 affiliates")
    assert rows["wireguard"].startswith(("userspace, ", "kernel: "))


@pytest.mark.checklist(61)
def test_a_watch_shows_what_is_there_and_then_every_change(lab: Lab) -> None:
    one, two = lab.node("node-1"), lab.node("node-2")
    watch = one.spawn([*CTL, "get", "kubespanpeerstatuses", "--watch"])

    first = read_until(watch, lambda line: line.startswith("+"))
    ping_once(one, mesh_of(two))
    later = read_until(watch, lambda line: line.startswith(" ") and "node-2" in line)
    ended = watch.stop()

    assert cells(first[:1])[0][:4] == ["*", "NODE", "NAMESPACE", "TYPE"]
    assert later
    assert b"Traceback" not in ended.stderr


def test_nobody_else_disturbs_a_whole_mesh(lab: Lab) -> None:
    eventually(
        lambda: all(sees_up(near, far) for near, far in permutations(lab.nodes, 2)),
        "all pairs are up still",
    )
    logs = [line for node in lab.nodes for line in node.log_tail(100)]

    assert not [line for line in logs if " ERROR " in line or "Traceback" in line]
