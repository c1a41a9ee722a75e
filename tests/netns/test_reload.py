"""The configuration changes while the daemon runs: good, bad, off, on, harvesting."""

import os
import re
import signal
from collections.abc import Callable, Iterator
from itertools import permutations
from typing import Any

import pytest

from kubespan.lab.lab import Lab
from kubespan.lab.node import LabNode
from kubespan.lab.topology import LabSpec
from tests.netns.support import (
    address_of,
    edit_config,
    edited,
    eventually,
    eventually_same,
    firewall,
    key_of,
    mesh_of,
    notices,
    picture,
    pod_of,
    running_lab,
    say,
    sees_up,
    steady_ping,
)

pytestmark = [pytest.mark.netns, pytest.mark.timeout(120)]


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    spec = LabSpec(
        "e2ereload",
        nodes=3,
        nat=0,
        # what nobody publishes any more is forgotten soon
        discovery_options=("--gc-interval", "500ms"),
        environment={"KUBESPAN_DISCOVERY_TTL": "4"},
    )
    yield from running_lab(spec)


@pytest.fixture
def one(lab: Lab) -> Iterator[LabNode]:
    """Node-1; afterwards its configuration is as it was, and in force everywhere."""
    node = lab.node("node-1")
    text, before = node.files.config.read_text(), pictures(lab)
    yield node
    node.write_config(text)
    eventually_same(lambda: pictures(lab), before, *lab.nodes)
    lab.wait_until_up(30)


def pictures(lab: Lab) -> str:
    return "\n".join(map(picture, lab.nodes))


def allowed_ips(node: LabNode, peer: LabNode) -> str:
    lines = say(node, "wg show kubespan allowed-ips").splitlines()
    return next((line for line in lines if line.startswith(key_of(peer))), "")


def in_force(node: LabNode, **values: object) -> bool:
    (config,) = node.resources("kubespanconfigs")
    return all(config["spec"][name] == value for name, value in values.items())


def by_itself(_node: LabNode) -> None:
    """Wait for the daemon to see the file change."""


def by_signal(node: LabNode) -> None:
    os.kill(node.daemon_pid, signal.SIGHUP)


@pytest.mark.parametrize("told", [by_itself, by_signal], ids=["file", "SIGHUP"])
def test_a_network_advertised_anew_is_routed_by_the_others_without_a_loss(
    lab: Lab, one: LabNode, told: Callable[[LabNode], None]
) -> None:
    two = lab.node("node-2")
    assert "10.250.1.0/24" not in allowed_ips(two, one)

    with steady_ping(two.pod, pod_of(one)) as pinged:
        networks = ["10.244.1.0/24", "10.250.1.0/24"]
        edit_config(one, "KubeSpanHostConfig", advertisedNetworks=networks)
        told(one)
        what = "node-2 sends the new network to node-1"
        eventually(lambda: "10.250.1.0/24" in allowed_ips(two, one), what, one, two)
        eventually(lambda: "10.250.1.0/24" in firewall(two), "node-2 marks it", two)

    assert pinged.is_whole


def test_another_mtu_reaches_link_routes_and_mss_without_a_loss(
    lab: Lab, one: LabNode
) -> None:
    with steady_ping(one, mesh_of(lab.node("node-2"))) as pinged:
        edit_config(one, "KubeSpanConfig", mtu=1300)
        link = "cat /sys/class/net/kubespan/mtu; ip route show table 180"
        link += "; ip -6 route show table 180"
        eventually(lambda: say(one, link).count("1300") == 3, "the MTU is 1300", one)
        what = "segments are clamped to the new MTU"
        eventually(lambda: "size set 1248" in firewall(one), what, one)

    assert pinged.is_whole


def test_switches_are_taken_over_without_a_loss(lab: Lab, one: LabNode) -> None:
    with steady_ping(one, address_of(lab.node("node-2"))) as pinged:
        edit_config(
            one,
            "KubeSpanConfig",
            allowDownPeerBypass=True,
            harvestExtraEndpoints=True,
        )
        for _ in range(20):
            by_signal(one)
        wanted = {"forceRouting": False, "harvestExtraEndpoints": True}
        eventually(lambda: in_force(one, **wanted), "both are in force", one)

    assert pinged.is_whole


def test_a_bad_configuration_changes_nothing_and_says_where_it_is_wrong(
    lab: Lab, one: LabNode
) -> None:
    good = one.files.config.read_text()
    before = picture(one)
    bad = edited(good, "KubeSpanConfig", mut=1300, enabled="perhaps")
    bad = edited(bad, "KubeSpanHostConfig", advertisedNetworks=["10.244.1.0/33"])

    with steady_ping(one, mesh_of(lab.node("node-2"))) as pinged:
        one.write_config(bad)
        said = eventually(
            lambda: [text for text in notices(one) if "not loaded" in text], "told", one
        )
        status = one.ctl("status")
        by_signal(one)
        assert picture(one) == before
        assert sees_up(one, lab.node("node-2"))
        one.write_config(good)
        withdrawn = "the notice is withdrawn"
        eventually(lambda: "not loaded" not in one.ctl("status"), withdrawn, one)

    lines = bad.splitlines()
    for key, wrong in {
        "mut": "mut: 1300",
        "enabled": "enabled: perhaps",
        "advertisedNetworks[0]": "- 10.244.1.0/33",
    }.items():
        place = rf"config\.yaml:{1 + lines.index(wrong)}:\d+: \S*{re.escape(key)}: "
        assert re.search(place, said[0])
    assert "did you mean mtu?" in said[0]
    assert "config.yaml:" in status
    assert pinged.is_whole


def test_a_missing_file_changes_nothing(lab: Lab, one: LabNode) -> None:
    good = one.files.config.read_text()
    before = picture(one)

    one.files.config.unlink()

    eventually(lambda: "no such file" in one.ctl("status"), "it is told", one)
    assert picture(one) == before
    one.write_config(good)
    eventually(lambda: "no such file" not in one.ctl("status"), "withdrawn", one)


@pytest.mark.checklist(9, 10, 44, 54)
def test_switched_off_a_node_leaves_the_mesh_and_comes_back_as_the_same(
    lab: Lab, one: LabNode
) -> None:
    _, two, three = lab.nodes
    key, before = key_of(one), picture(one)

    def affiliate_of_one() -> dict[str, Any]:
        (found,) = (
            entry["spec"]
            for entry in two.resources("affiliates")
            if entry["spec"]["nodename"] == "node-1"
        )
        return dict(found["kubespan"])

    with steady_ping(two, address_of(three)) as pinged:
        assert affiliate_of_one()["publicKey"] == key
        edit_config(one, "KubeSpanConfig", enabled=False)
        eventually(lambda: nothing_of_ours(one), "nothing of ours is left", one)
        what = "node-2 hears that node-1 has no KubeSpan"
        eventually(lambda: not affiliate_of_one().get("publicKey"), what, two)
        eventually(lambda: key not in say(two, "wg show kubespan peers"), what, two)
        assert one.resources("kubespanpeerstatuses") == []
        assert one.resources("kubespanidentities") == []
        assert len(one.resources("members")) == 3

        edit_config(one, "KubeSpanConfig", enabled=True)
        eventually(lambda: sees_up(one, two, three), "node-1 is back", one)

    assert key_of(one) == key
    eventually_same(lambda: picture(one), before, one)
    assert pinged.is_whole


def nothing_of_ours(node: LabNode) -> bool:
    shown = say(
        node,
        "ip -o link; ip rule; ip -6 rule; ip route show table all;"
        "ip -6 route show table all; nft list tables",
    )
    return not re.search("kubespan|32500|180", shown)


@pytest.mark.checklist(60)
def test_harvested_endpoints_reach_those_who_never_saw_them(
    lab: Lab, one: LabNode
) -> None:
    _, two, three = lab.nodes
    text = three.files.config.read_text()
    assert one.resources("kubespanendpoints") == []

    def endpoints_of_three() -> list[str]:
        (spec,) = (
            entry["spec"]
            for entry in two.resources("kubespanpeerspecs")
            if entry["spec"]["label"] == "node-3"
        )
        return list(spec["endpoints"])

    # node-3 publishes no endpoint any more; its tunnels know where it is
    edit_config(three, "KubeSpanConfig", filters={"endpoints": ["10.0.0.0/8"]})
    eventually(lambda: not endpoints_of_three(), "node-3 tells none of its own", three)
    edit_config(one, "KubeSpanConfig", harvestExtraEndpoints=True)

    what = "node-2 learns from node-1 where node-3 is"
    eventually(lambda: endpoints_of_three() == ["198.18.3.2:51820"], what, one, two)
    harvested = {
        entry["metadata"]["id"]: entry["spec"]["endpoint"]
        for entry in one.resources("kubespanendpoints")
    }
    assert harvested == {
        key_of(two): "198.18.2.2:51820",
        key_of(three): "198.18.3.2:51820",
    }
    three.write_config(text)
    eventually(lambda: all_up(lab), "all are up")


def all_up(lab: Lab) -> bool:
    return all(sees_up(near, far) for near, far in permutations(lab.nodes, 2))
