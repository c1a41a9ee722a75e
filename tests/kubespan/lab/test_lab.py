"""Labs, made and found again; without daemons where they are not the subject."""

import signal
import sys
from collections.abc import Iterator

import pytest

from kubespan.lab.errors import LabError
from kubespan.lab.lab import Lab, is_lab_running
from kubespan.lab.namespaces import lab_namespaces
from kubespan.lab.ping import ping
from kubespan.lab.topology import LabSpec

NAME = "labtest"
SEND = """
import socket
sender = socket.socket(type=socket.SOCK_DGRAM)
sender.bind(("", 51820))
sender.sendto(b"x", ("198.18.1.2", 51820))
"""
pytestmark = pytest.mark.netns


@pytest.fixture
def lab() -> Iterator[Lab]:
    spec = LabSpec(NAME, nodes=5, nat=3, gateways=2, ipv6=True)
    with Lab.create(spec, start=False, replace_running=True) as made:
        yield made


def _reaches(lab: Lab, near: str, address: str) -> bool:
    return ping(lab.place(near), address, count=1).is_whole


@pytest.mark.parametrize(
    ("near", "address", "expected"),
    [
        pytest.param("node-1", "198.18.2.2", True, id="public to public"),
        pytest.param("node-1", "2001:db8:0:2::2", True, id="public to public, IPv6"),
        pytest.param("node-1", "198.19.255.2", True, id="public to discovery"),
        pytest.param("node-3", "198.18.1.2", True, id="out of NAT"),
        pytest.param("node-3", "198.19.255.2", True, id="NAT to discovery"),
        pytest.param("node-3", "10.99.1.3", True, id="neighbours behind one NAT"),
        pytest.param("node-1-pod", "10.244.1.1", True, id="pod to its node"),
        pytest.param("node-1", "198.19.1.2", False, id="into NAT, its public address"),
        pytest.param("node-1", "10.99.1.2", False, id="into NAT, a private address"),
        pytest.param("node-3", "10.99.2.2", False, id="NAT to another NAT"),
        pytest.param("node-1", "10.244.2.2", False, id="pods are not routed"),
    ],
)
def test_who_reaches_whom(lab: Lab, near: str, address: str, expected: bool) -> None:
    assert _reaches(lab, near, address) is expected


def test_a_node_behind_nat_keeps_its_port_outside(lab: Lab) -> None:
    seen = lab.node("node-1").spawn(["tcpdump", "-nlc1", "-ieth0", "udp port 51820"])
    assert seen.child.stderr
    while b"listening" not in seen.child.stderr.readline():
        pass

    lab.node("node-3").run([sys.executable, "-c", SEND])

    assert b"198.19.1.2.51820 > 198.18.1.2.51820" in seen.wait(5).stdout


def test_a_node_joins_while_others_run(lab: Lab) -> None:
    holders = [node.place.holder for node in lab.nodes]

    public, hidden = lab.join(start=False), lab.join(3, start=False)

    assert (public.name, hidden.name) == ("node-6", "node-7")
    assert _reaches(lab, "node-6", "198.18.1.2")
    assert _reaches(lab, "node-7", "198.18.6.2")
    assert not _reaches(lab, "node-6", "10.99.3.2")
    assert [node.place.holder for node in lab.nodes][:5] == holders
    assert [node.name for node in Lab.load(NAME).nodes][-1] == "node-7"


def test_another_process_finds_the_lab(lab: Lab) -> None:
    found = Lab.load(NAME)

    assert found.node("node-2").place.holder == lab.node("node-2").place.holder
    assert found.node("node-2").files.config.read_text().count("kind:") == 4


def test_a_running_lab_is_not_replaced_unasked(lab: Lab) -> None:
    with pytest.raises(LabError, match="is running"):
        Lab.create(LabSpec(NAME), start=False)

    assert is_lab_running(NAME)


def test_a_lab_whose_holder_was_killed_is_replaced(lab: Lab) -> None:
    victim = lab.node("node-2").place
    victim.signal(victim.holder, signal.SIGKILL)
    said: list[str] = []

    with Lab.create(LabSpec(NAME, 1, 0), start=False, say=said.append):
        assert lab_namespaces(NAME) == [
            f"kslab-{NAME}-{name}"
            for name in ("discovery", "internet", "node-1", "node-1-pod")
        ]

    assert said[0] == f"removed leftovers of a lab {NAME!r}"


def test_two_labs_stand_side_by_side(lab: Lab) -> None:
    with Lab.create(
        LabSpec(f"{NAME}2", 2, 0), start=False, replace_running=True
    ) as other:
        assert _reaches(other, "node-1", "198.18.2.2")
        assert _reaches(lab, "node-1", "198.18.2.2")

    assert lab_namespaces(f"{NAME}2") == []
    assert _reaches(lab, "node-1", "198.18.2.2")


def test_a_lab_that_cannot_start_leaves_nothing() -> None:
    spec = LabSpec(NAME, 1, 0, discovery_options=("--no-such-option",))

    with pytest.raises(LabError, match="discovery service does not start"):
        Lab.create(spec, replace_running=True)

    assert lab_namespaces(NAME) == []


def test_an_unknown_name_is_answered_with_the_known(lab: Lab) -> None:
    with pytest.raises(LabError, match="no node 'node-9'; it has node-1, node-2"):
        lab.node("node-9")
    with pytest.raises(LabError, match="no 'nat9'; it has internet, discovery"):
        lab.place("nat9")


def test_the_discovery_service_is_started_and_stopped_by_name(lab: Lab) -> None:
    lab.start_one("discovery")
    running = lab.discovery.is_running
    lab.stop_one("discovery")

    assert running
    assert not lab.discovery.is_running
