"""Trouble in the host that does not end the daemon: said in one line, healed alone."""

import re
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
import yaml

from kubespan.lab.lab import Lab
from kubespan.lab.node import LabNode
from kubespan.lab.place import Place, Running, python_module
from kubespan.lab.service import ALONE
from kubespan.lab.topology import LabSpec
from tests.discovery.certificates import make_certificate, write_pair
from tests.netns.support import (
    edit_config,
    eventually,
    kubespan,
    mesh_of,
    notices,
    running_lab,
    say,
    sees_up,
    steady_ping,
)

pytestmark = [pytest.mark.netns, pytest.mark.timeout(180)]

HEAL_S = 60.0
STOP_S = 4.0
NO_FILE = "mount --bind /dev/null"  # a program that is not executable is none
BUSY = """\
import socket, time
hog = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
hog.bind(("::", 51820))
time.sleep(1000)
"""
ECHO = """\
import socketserver
class Echo(socketserver.BaseRequestHandler):
    def handle(self):
        while said := self.request.recv(999):
            self.request.sendall(said)
socketserver.ThreadingTCPServer(("", 7), Echo).serve_forever()
"""
MUTE = """\
import socket
listening, kept = socket.create_server(("", 8)), []
while True:
    kept.append(listening.accept())
"""


@pytest.fixture(scope="module")
def started() -> Iterator[Lab]:
    # the kernel's would need no program and no tun
    spec = LabSpec("e2etroubles", nodes=2, nat=0, wireguard="userspace")
    yield from running_lab(spec)


@pytest.fixture
def lab(started: Lab) -> Iterator[Lab]:
    """The lab, its first node as if it had never had a daemon but with its identity."""
    one = started.nodes[0]
    config = one.files.config.read_text()
    one.stop_daemon()
    one.run(kubespan(one, "down"))
    yield started
    one.write_config(config)
    started.start_daemons(started.nodes)
    eventually(lambda: not failing(one), "nothing fails", one, timeout_s=HEAL_S)
    started.wait_until_up(HEAL_S)
    assert started.ping("node-1", "node-2").is_whole


def failing(node: LabNode) -> list[str]:
    """Return what ``kubespanctl status`` says that fails, a line each."""
    lines = node.ctl("status").splitlines()
    return [line for line in lines if line.startswith("failing ")]


def fails(node: LabNode, edge: str, words: str) -> bool:
    """Tell whether one line says that an edge fails, with these words."""
    pattern = rf"failing +{edge}: .*{words}.*\(attempt \d+\)"
    return any(re.fullmatch(pattern, line) for line in failing(node))


@pytest.mark.parametrize(
    ("make", "edge", "words", "undo"),
    [
        pytest.param(
            "ip link add kubespan type bridge",
            "link",
            r"link kubespan exists, is a bridge and was not made by kubespan; rename or"
            r" remove it.*ip link delete kubespan",
            "ip link delete kubespan",
            id="link of another kind",
        ),
        pytest.param(
            "setsid wireguard-go --foreground kubespan >/dev/null 2>&1 </dev/null &"
            "until wg show kubespan >/dev/null 2>&1; do sleep 0.05; done;"
            "wg genkey >/run/key; wg set kubespan private-key /run/key",
            "link",
            r"link kubespan exists, is a tun and was not made by kubespan",
            "ip link delete kubespan",
            id="somebody else's WireGuard",
        ),
        pytest.param(
            f"{NO_FILE} /usr/bin/wireguard-go",
            "link",
            r"none of wireguard-go, .* is on PATH; install one",
            "umount /usr/bin/wireguard-go",
            id="no WireGuard of any kind",
        ),
        pytest.param(
            "mount -t tmpfs none /dev/net",
            "link",
            r"there is no /dev/net/tun; load the module \(modprobe tun\)",
            "umount /dev/net",
            id="no tun",
        ),
    ],
)
def test_without_a_link_the_rest_goes_on(
    lab: Lab, make: str, edge: str, words: str, undo: str
) -> None:
    one, two = lab.nodes
    say(one, make)

    one.start_daemon()

    eventually(lambda: fails(one, edge, words), "it is said", one)
    status = one.ctl("status")
    assert re.search(r"wireguard +none: ", status)
    assert len(failing(one)) == 1
    eventually(lambda: "connected, 1 affil" in one.ctl("status"), "discovery", one)
    assert "kubespan_outgoing" in say(one, "nft list table inet kubespan")
    say(one, undo)
    eventually(lambda: sees_up(one, two), "it heals", one, timeout_s=HEAL_S)


def test_what_fails_beside_the_link_does_not_keep_the_mesh_down(lab: Lab) -> None:
    one, two = lab.nodes
    rule = "rule {} priority 32500 from all lookup main"
    both = [f"ip {rule}", f"ip -6 {rule}"]
    say(one, ";".join([f"{NO_FILE} /usr/sbin/nft", *both]).format("add", "add"))
    hog = one.spawn([sys.executable, "-c", BUSY])
    eventually(lambda: ":51820" in say(one, "ss -lun"), "the port is taken", one)

    one.start_daemon()

    port = r"UDP port 51820 is in use by another program; end it or choose another"
    rules = r"priority 32500 is taken by a rule that is not ours; move it"
    nft = r"no program nft: install the package nftables"
    eventually(lambda: fails(one, "firewall", nft), "no nft", one)
    eventually(lambda: fails(one, "rule", rules), "strange rules", one)
    eventually(lambda: fails(one, "wireguard", port), "a busy port", one)
    # a mesh address needs none of the three
    eventually(lambda: sees_up(one, two), "the mesh is up", one)
    with steady_ping(one, mesh_of(two)) as pinged:
        assert fails(one, "wireguard", port)
        assert len(failing(one)) == 3
        hog.stop()
        say(one, ";".join(["umount /usr/sbin/nft", *both]).format("delete", "delete"))
        eventually(lambda: not failing(one), "it heals", one, timeout_s=HEAL_S)
    assert pinged.is_whole
    assert "51820" in say(one, "wg show kubespan listen-port")
    assert lab.ping_pods("node-1", "node-2").is_whole


@pytest.mark.checklist(55)
def test_ipv6_switched_off(lab: Lab) -> None:
    one, two = lab.nodes
    switch = "for f in all default; do echo {} >/proc/sys/net/ipv6/conf/$f/disable_ipv6"
    say(one, switch.format(1) + "; done")

    one.start_daemon()

    words = r"IPv6 is disabled"
    eventually(lambda: fails(one, "address", words), "no address", one)
    eventually(lambda: fails(one, "route", words), "no route", one)
    # IPv4 is carried all the same
    eventually(lambda: sees_up(one, two), "the peer is up", one)
    assert lab.ping_pods("node-1", "node-2").is_whole
    say(one, switch.format(0) + "; done")
    eventually(lambda: not failing(one), "it heals", one, timeout_s=HEAL_S)


def test_address_of_the_host_inside_the_mesh_is_told(lab: Lab) -> None:
    one, _ = lab.nodes
    one.start_daemon()
    prefix = ":".join(mesh_of(one).split(":")[:4])

    say(one, f"ip address add {prefix}::1/64 dev eth0 nodad")

    inside = f"{prefix}::1/64 on eth0 lies inside the mesh prefix {prefix}::/64"
    eventually(lambda: any(inside in text for text in notices(one)), "it is told", one)
    say(one, f"ip address delete {prefix}::1/64 dev eth0")
    eventually(lambda: not any(inside in text for text in notices(one)), "and no more")


def kernel_has_wireguard(node: LabNode) -> bool:
    make = "ip link add kernel-wg type wireguard && ip link delete kernel-wg"
    return node.run(["sh", "-c", make], check=False).returncode == 0


def test_kernel_without_wireguard_keeps_the_tunnel_there_is(lab: Lab) -> None:
    one, two = lab.nodes
    if kernel_has_wireguard(one):
        pytest.skip("this kernel has WireGuard")
    one.start_daemon()
    lab.wait_until_up(HEAL_S)

    with steady_ping(one, mesh_of(two)) as pinged:
        edit_config(one, "KubeSpanHostConfig", wireguard="kernel")
        words = r"this kernel has no WireGuard \(modprobe wireguard\); choose .*auto"
        eventually(lambda: fails(one, "link", words), "it is said", one)

    assert pinged.is_whole


@contextmanager
def pretenders(place: Place, folder: Path) -> Iterator[None]:
    """Run what can be found in place of a discovery service, on one host."""
    certificate, key = write_pair(folder, make_certificate("somebody else"))
    tls = ("--certificate-path", str(certificate), "--key-path", str(key))
    commands = (
        python_module("discovery", "--addr", ":3443", *ALONE, *tls),
        python_module("http.server", "8080"),
        [sys.executable, "-c", ECHO],
        [sys.executable, "-c", MUTE],
    )
    with ExitStack() as stack:
        for command in commands:
            running: Running = place.spawn(command)
            stack.callback(running.stop, signal.SIGKILL)
        ports = (":3443", ":8080", ":7", ":8")
        listening = ["ss", "-ltnH"]
        eventually(
            lambda: all(f"{p} " in place.run(listening).stdout for p in ports),
            "all listen",
        )
        yield


SERVICES = {
    "nobody": ("http://198.19.255.2:9", "connection refused"),
    "nowhere": ("http://203.0.113.1:3000", "no answer in time|no route|unreachable"),
    "unknown": ("http://no.such.host.invalid:3000", "no answer in time|not found"),
    "stranger": ("https://198.19.255.2:3443", "certificate not trusted"),
    "no-tls": ("https://198.19.255.2:3000", "the other side does not speak TLS"),
    "only-tls": ("http://198.19.255.2:3443", "closed while connecting"),
    "web": ("http://198.19.255.2:8080", "does not speak gRPC"),
    "echo": ("http://198.19.255.2:7", "does not speak gRPC"),
    "echo-tls": ("https://198.19.255.2:7", "TLS handshake failed"),
    "mute": ("http://198.19.255.2:8", "no answer in time"),
}


@pytest.mark.checklist(36)
def test_discovery_services_that_are_none(lab: Lab, tmp_path: Path) -> None:
    one, two = lab.nodes
    one.start_daemon()
    lab.wait_until_up(HEAL_S)
    more = [
        {
            "apiVersion": "v1alpha1",
            "kind": "DiscoveryServiceConfig",
            "name": name,
            "endpoint": endpoint,
        }
        for name, (endpoint, _) in SERVICES.items()
    ]

    with pretenders(lab.discovery.place, tmp_path):
        one.write_config(
            one.files.config.read_text() + "---\n" + yaml.safe_dump_all(more)
        )
        with steady_ping(one, mesh_of(two)) as pinged:
            for name, (_, reason) in SERVICES.items():
                line = rf"registry +service/{name} .*: not connected: .*({reason})"
                eventually(
                    lambda line=line: re.search(line, one.ctl("status")),
                    f"{name}: {reason}",
                    one,
                    timeout_s=30,
                )
        assert "service/lab 198.19.255.2:3000: connected, 1 affil" in one.ctl("status")
        began_s = time.monotonic()
        one.stop_daemon()
        # none of them, nor a name server that is silent, holds it
        assert time.monotonic() - began_s < STOP_S
    assert pinged.is_whole


def test_no_discovery_service_at_all_at_start_is_waited_for(lab: Lab) -> None:
    one, two = lab.nodes
    lab.discovery.stop()
    for cache in one.files.state_dir.glob("discovery-*.cache"):
        cache.unlink()

    one.start_daemon()

    refused = "not connected: connection refused, 0 affiliates"
    eventually(lambda: refused in one.ctl("status"), "it is said", one)
    lab.discovery.start()
    eventually(lambda: sees_up(one, two), "it heals", one, timeout_s=HEAL_S)


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"kubespan discovery cache 1\n0\n{}", id="wrong checksum"),
        pytest.param(b"\xff" * 5000, id="noise"),
    ],
)
def test_damaged_cache_is_told_and_done_without(lab: Lab, content: bytes) -> None:
    one, two = lab.nodes
    (cache,) = one.files.state_dir.glob("discovery-*.cache")
    cache.write_bytes(content)

    one.start_daemon()

    said = "damaged; ignored"
    eventually(lambda: any(said in line for line in one.log_tail(50)), "it is said")
    eventually(lambda: sees_up(one, two), "discovery says it again", one)
    eventually(lambda: cache.read_bytes() != content, "and it is kept again", one)
