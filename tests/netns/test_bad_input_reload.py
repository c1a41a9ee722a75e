"""Nonsense in the configuration file while the daemon runs; daemons killed anywhere."""

import os
import random
import re
import signal
import time
from collections.abc import Callable, Iterator

import pytest

from kubespan.lab.lab import Lab
from kubespan.lab.node import LabNode
from kubespan.lab.topology import LabSpec
from tests.netns.hostile import Stranger
from tests.netns.support import (
    address_of,
    edit_config,
    edited,
    eventually,
    kubespan,
    mesh_of,
    notices,
    picture,
    running_lab,
    say,
    steady_ping,
)

pytestmark = [pytest.mark.netns, pytest.mark.timeout(180)]

KILLS = 10
KILL_WITHIN_S = 1.3
"""From before the first import to after the peer is up."""
KEPT = "not loaded, the configuration before stays in force"


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    yield from running_lab(LabSpec("e2enonsense", nodes=2, nat=0))


def edit(kind: str, **changes: object) -> Callable[[LabNode], None]:
    return lambda node: edit_config(node, kind, **changes)


def write(text: str) -> Callable[[LabNode], None]:
    return lambda node: node.write_config(text)


def cut_in_half(node: LabNode) -> None:
    text = node.files.config.read_text()
    node.write_config(text[: text.index("clusterSecret") + 20])


def remove(node: LabNode) -> None:
    node.files.config.unlink()


def become_directory(node: LabNode) -> None:
    node.files.config.unlink()
    node.files.config.mkdir()


NONSENSE = [
    pytest.param(remove, r"no such file", id="removed"),
    pytest.param(become_directory, r"not a regular file|directory", id="a directory"),
    pytest.param(write(""), r"1:1: no KubeSpan document", id="empty"),
    pytest.param(write("\0" * 100), r"not YAML", id="zeros"),
    pytest.param(write("#" * (8 << 20)), r"too large|larger|bytes", id="huge"),
    pytest.param(write("&a [*a, *a]\n"), r".", id="a thing inside itself"),
    pytest.param(write("[" * 10_000), r".", id="deep"),
    pytest.param(cut_in_half, r"clusterSecret", id="half written"),
    pytest.param(
        edit("KubeSpanConfig", enabledd=False), r"did you mean enabled", id="a typo"
    ),
    pytest.param(
        edit("DiscoveryIdentityConfig", clusterSecret="YQ=="),
        r"1 bytes?, not 32",
        id="short secret",
    ),
    pytest.param(
        edit("KubeSpanHostConfig", advertisedNetworks=["0.0.0.0/0"]),
        r"would draw all traffic",
        id="the internet",
    ),
]


@pytest.mark.parametrize(("spoil", "wanted"), NONSENSE)
def test_nonsense_changes_nothing_and_is_told(
    lab: Lab, spoil: Callable[[LabNode], None], wanted: str
) -> None:
    one, two = lab.nodes
    config = one.files.config
    good, before = config.read_text(), picture(one)

    with steady_ping(one, mesh_of(two)) as pinged:
        spoil(one)
        os.kill(one.daemon_pid, signal.SIGHUP)
        eventually(lambda: told(one), "it is told", one)
        (said,) = (text for text in notices(one) if KEPT in text)
        after = picture(one)
        if config.is_dir():
            config.rmdir()
        one.write_config(good)
        os.kill(one.daemon_pid, signal.SIGHUP)
        eventually(lambda: not told(one), "and no more", one)

    assert re.search(wanted, said)
    assert lab.record.cluster_secret[:4] not in said
    assert after == before == picture(one)
    assert pinged.is_whole


def told(node: LabNode) -> bool:
    return any(KEPT in text for text in notices(node))


def test_killed_anywhere_in_a_first_start_the_next_one_works(lab: Lab) -> None:
    one = lab.nodes[0]
    random.seed(lab.record.cluster_id)
    one.stop_daemon()

    for _ in range(KILLS):
        one.run(kubespan(one, "down"))
        say(one, f"rm -rf {one.files.state_dir}/*")
        one.launch_daemon()
        time.sleep(random.uniform(0.1, KILL_WITHIN_S))
        one.stop_daemon(signal.SIGKILL)

    one._mesh_address = None  # a new identity each time
    one.start_daemon()
    forget_all_but(lab, {node_id(node) for node in lab.nodes})
    eventually(lambda: all(map(has_one_peer, lab.nodes)), "the others are forgotten")
    lab.wait_until_up(60)
    assert lab.ping("node-1", "node-2").is_whole


def node_id(node: LabNode) -> str:
    (identity,) = node.resources("identities")
    return str(identity["spec"]["nodeId"])


def has_one_peer(node: LabNode) -> bool:
    return len(node.resources("kubespanpeerstatuses")) == 1


def forget_all_but(lab: Lab, ids: set[str]) -> None:
    """Delete what killed nodes left; it would be believed for half an hour."""
    stranger = Stranger(lab)
    stranger.make(*map(stranger.deletion, sorted(stranger.list_ids() - ids)))


@pytest.mark.checklist(9)
def test_killed_anywhere_in_starts_and_reloads_the_tunnel_carries_on(lab: Lab) -> None:
    one, two = lab.nodes
    before = picture(one)
    good = one.files.config.read_text()
    other = edited(good, "KubeSpanConfig", mtu=1400)

    with steady_ping(one, mesh_of(two)) as pinged:
        for turn in range(KILLS):
            one.write_config(other if turn % 2 else good)
            if one.is_running:
                os.kill(one.daemon_pid, signal.SIGHUP)
            time.sleep(random.uniform(0, 0.3))
            one.stop_daemon(signal.SIGKILL)
            one.launch_daemon()
            time.sleep(random.uniform(0.1, KILL_WITHIN_S))
        one.write_config(good)
        one.await_daemon()
        eventually(lambda: picture(one) == before, "all is as it was", one)

    assert pinged.is_whole
    assert lab.ping("node-1", "node-2").is_whole
    assert say(two, f"ping -c 1 -W 2 {address_of(one)}")
