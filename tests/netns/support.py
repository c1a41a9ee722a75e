"""What tests of whole meshes share: labs, patience, pings through trouble, documents.

::

    @pytest.fixture(scope="module")
    def lab() -> Iterator[Lab]:
        yield from running_lab(LabSpec("e2esomething", nodes=2, nat=0))

    def test_something(lab: Lab) -> None:
        one, two = lab.nodes
        with steady_ping(one, mesh_of(two)) as pinged:
            one.stop_daemon()
            eventually(lambda: not one.is_running, "the daemon ends", one)
        assert pinged.is_whole

A lab lives as long as its module; every test leaves it as a mesh in which all are up.
"""

import re
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from difflib import unified_diff
from pathlib import Path
from typing import Any, TypeVar

import yaml

from kubespan.lab.errors import LabError
from kubespan.lab.lab import Lab
from kubespan.lab.node import SOCKET, LabNode
from kubespan.lab.ping import parse_ping
from kubespan.lab.place import Place, Running, python_module
from kubespan.lab.topology import LabSpec

T = TypeVar("T")

UP_S = 60.0
POLL_S = 0.05
PING_S = 0.05
LOG_LINES = 12
CTL = python_module("kubespan.cli.main", "--socket", SOCKET)
# what picture() shows, each as an operator would look at it
VIEWS = (
    "ip rule",
    "ip -6 rule",
    "ip route show table 180",
    "ip -6 route show table 180",
    "ip -6 addr show dev kubespan | grep -o 'inet6 .*'",
    "cat /sys/class/net/kubespan/mtu /sys/class/net/kubespan/ifalias",
    "nft list table inet kubespan",
    "wg show kubespan dump | cut -f 1,2,4,8 | sort",  # keys, allowed IPs, keepalive
    "wg show kubespan listen-port",
    "wg show kubespan fwmark",
    "cat /proc/sys/net/ipv4/conf/kubespan/rp_filter",
)


def running_lab(spec: LabSpec) -> Iterator[Lab]:
    """Yield a lab in which every pair is up, and remove it; for fixtures."""
    with Lab.create(spec, replace_running=True) as lab:
        lab.wait_until_up(UP_S)
        yield lab


def eventually(
    predicate: Callable[[], T], what: str, *nodes: LabNode, timeout_s: float = 20.0
) -> T:
    """Return what the predicate says as soon as it is true.

    Args:
        predicate: asked again and again; a `LabError` counts as no.
        what: the expectation in words, for the failure.
        nodes: whose last log lines the failure shows.
        timeout_s: when to give up.
    """
    __tracebackhide__ = True
    deadline_s = time.monotonic() + timeout_s
    said: object = None
    while time.monotonic() < deadline_s:
        try:
            if answer := predicate():
                return answer
            said = answer
        except LabError as error:
            said = error
        time.sleep(POLL_S)
    logs = [f"{one.name} | {line}" for one in nodes for line in one.log_tail(LOG_LINES)]
    shown = "\n".join([f"not within {timeout_s:g} s: {what}", f"last: {said}", *logs])
    raise AssertionError(shown)


def eventually_same(
    look: Callable[[], str], before: str, *nodes: LabNode, timeout_s: float = 20.0
) -> None:
    """Wait until a look shows what was seen before; else fail with the difference."""
    __tracebackhide__ = True
    try:
        eventually(lambda: look() == before, "as before", *nodes, timeout_s=timeout_s)
    except AssertionError as error:
        try:
            lines = before.splitlines(), look().splitlines()
        except LabError:
            raise error from None
        told = "\n".join(unified_diff(*lines, "before", "now", lineterm="", n=0))
        raise AssertionError(f"{error}\n{told}") from None


@dataclass(slots=True)
class SteadyPing:
    """A ping that runs; its counts are known when the block has ended.

    Attributes:
        sent: requests; one still under way at the end is not counted.
        received: answers.
    """

    sent: int = 0
    received: int = 0

    @property
    def lost(self) -> int:
        """Requests without an answer."""
        return self.sent - self.received

    @property
    def is_whole(self) -> bool:
        """Tell whether something was sent and all of it was answered."""
        return self.sent > 0 and self.lost == 0


@contextmanager
def steady_ping(place: LabNode | Place, address: str) -> Iterator[SteadyPing]:
    """Ping 20 times a second for the length of a block; begins with an answer."""
    pinged = SteadyPing()
    with tempfile.NamedTemporaryFile("r", prefix="kubespan-ping-") as output:
        running = place.spawn(
            ["sh", "-c", f"exec ping -n -i {PING_S} -W 1 {address} >{output.name} 2>&1"]
        )
        try:
            written = Path(output.name).read_text
            eventually(lambda: "icmp_seq=" in written(), f"{address} answers")
            yield pinged
        finally:
            running.stop()
        _count(written(), pinged)


def _count(text: str, pinged: SteadyPing) -> None:
    summary = parse_ping(text)
    answered = {int(number) for number in re.findall(r"icmp_seq=(\d+) ttl", text)}
    under_way = summary.sent - max(answered, default=0) == 1
    pinged.sent = summary.sent - under_way
    pinged.received = len(answered)


def mesh_of(node: LabNode) -> str:
    """Return a node's address in the mesh."""
    return str(node.mesh_address)


def address_of(node: LabNode) -> str:
    """Return the address of a node's network card."""
    return str(node.plan.address.ip)


def pod_of(node: LabNode) -> str:
    """Return the address of a node's pod."""
    return str(node.plan.pod_address.ip)


def key_of(node: LabNode) -> str:
    """Return a node's public key, as its daemon says."""
    (identity,) = node.resources("kubespanidentities")
    return str(identity["spec"]["publicKey"])


def sees_up(near: LabNode, *far: LabNode) -> bool:
    """Tell whether a node sees others up."""
    states = near.peer_states()
    return all(states.get(node.name) == "up" for node in far)


def say(node: LabNode, command: str) -> str:
    """Run a shell command in a node and return what it printed; it must succeed."""
    return node.run(["sh", "-ec", command]).stdout


def notices(node: LabNode) -> list[str]:
    """Return what the daemon warns of now."""
    return [str(one["spec"]["text"]) for one in node.resources("notices")]


def picture(node: LabNode) -> str:
    """Return all we put into a host, as text; `LabError` if a part is not there."""
    return "\n".join(f"# {view}\n{say(node, view)}" for view in VIEWS)


def firewall(node: LabNode) -> str:
    """Return our table as nft 1.0.6 lists it; newer ones write flags otherwise."""
    newer = "tcp flags & (syn | rst) == syn"
    listed = node.run(["nft", "list", "table", "inet", "kubespan"]).stdout
    return listed.replace(newer, "tcp flags syn / syn,rst")


def edit_config(node: LabNode, kind: str, **changes: object) -> None:
    """Set fields of one document in a node's file; None takes a field away."""
    node.write_config(edited(node.files.config.read_text(), kind, **changes))


def edited(text: str, kind: str, **changes: object) -> str:
    """Return documents with fields of one of them set; None takes a field away."""
    documents: list[dict[str, Any]] = list(yaml.safe_load_all(text))
    (document,) = (one for one in documents if one["kind"] == kind)
    document.update(changes)
    for name in [name for name, value in changes.items() if value is None]:
        del document[name]
    return str(yaml.safe_dump_all(documents, sort_keys=False))


def kubespan(node: LabNode, *arguments: str) -> list[str]:
    """Return ``kubespan <arguments>`` with the files of a node's daemon."""
    files = ["--config", str(node.files.config)]
    files += ["--state-dir", str(node.files.state_dir)]
    return python_module("kubespan", *arguments, *files)


def read_until(running: Running, wanted: Callable[[str], bool]) -> list[str]:
    """Return the lines a command prints up to the first that is wanted.

    For commands that print sooner or later; the test's own time limit ends the wait.
    """
    lines: list[str] = []
    for line in running.child.stdout or ():
        lines.append(line.decode().rstrip("\n"))
        if wanted(lines[-1]):
            return lines
    raise AssertionError(f"it ended after {lines}")


def cells(table: str | Sequence[str]) -> list[list[str]]:
    """Return a table's rows of cells, which three spaces separate."""
    lines = table.splitlines() if isinstance(table, str) else table
    return [re.split(r" {3,}", line.strip()) for line in lines]
