"""What ``kubespan run`` refuses to start with: one line, status 1, nothing touched."""

import re
import subprocess
from collections.abc import Callable, Iterator

import pytest

from kubespan.lab.lab import Lab
from kubespan.lab.node import SOCKET, LabNode
from kubespan.lab.place import python_module
from kubespan.lab.topology import LabSpec
from tests.netns.support import edited, say

pytestmark = [pytest.mark.netns, pytest.mark.timeout(120)]

BAD = "/run/bad"  # all that these tests make in the node
CONFIG = f"{BAD}/config.yaml"
STATE = f"{BAD}/state"
NOBODY = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")
DOWN = tuple(python_module("kubespan", "down", "--state-dir"))
NO_POWER = ("setpriv", "--bounding-set=-net_admin", "--inh-caps=-net_admin")
LOOK = "ls /sys/class/net; ip rule; ip -6 rule; nft list ruleset"


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    spec = LabSpec("e2erefusals", nodes=1, nat=0)
    with Lab.create(spec, start=False, replace_running=True) as lab:
        yield lab


@pytest.fixture
def node(lab: Lab) -> Iterator[LabNode]:
    """A node without a daemon, which nothing may have touched at the end."""
    (node,) = lab.nodes
    say(node, f"mkdir -p {BAD}")
    node.run(["sh", "-c", f"cat >{CONFIG}"], text=node.files.config.read_text())
    before = say(node, LOOK)
    yield node
    say(node, f"rm -rf {BAD}/*")
    assert say(node, LOOK) == before


def start(
    node: LabNode, *, before: tuple[str, ...] = (), **options: str
) -> subprocess.CompletedProcess[str]:
    """Run the daemon, which is expected to end by itself."""
    given = {"config": CONFIG, "state-dir": STATE, "socket": SOCKET, **options}
    words = [word for name, value in given.items() for word in (f"--{name}", value)]
    command = [*before, *python_module("kubespan", "run", *words)]
    return node.run(command, check=False, timeout_s=30)


def the_line(done: subprocess.CompletedProcess[str]) -> str:
    """Return the one line with which a start was refused."""
    assert (done.returncode, done.stdout) == (1, ""), done
    (line,) = done.stderr.splitlines()
    return line


Edit = Callable[[str], str]


def edit(kind: str, **changes: object) -> Edit:
    return lambda text: edited(text, kind, **changes)


MESH = edit("KubeSpanConfig", mtu=100, enabledd=True)
HOST = edit("KubeSpanHostConfig", listenPort=70000, advertisedNetworks=["10.0.0.0/33"])


@pytest.mark.parametrize(
    ("change", "wanted"),
    [
        pytest.param(
            edit("KubeSpanConfig", enabledd=True),
            [r'4:1: .*unknown key "enabledd"; did you mean enabled'],
            id="unknown key",
        ),
        pytest.param(
            edit("KubeSpanConfig", enabled="maybe", mtu="five"),
            [r"3:10: .*must be true or false", r"4:6: .*must be a whole number"],
            id="wrong types",
        ),
        pytest.param(
            edit("KubeSpanHostConfig", advertisedNetworks=["10.0.0.0/33", "banana"]),
            [r"not a network in CIDR form: \"10.*33", r"not a network .*banana"],
            id="bad CIDRs",
        ),
        pytest.param(
            edit("KubeSpanHostConfig", advertisedNetworks=["fd00::/8", "0.0.0.0/0"]),
            [r"fd00::/8 overlaps the cluster's own mesh network", r"all traffic of"],
            id="networks that overlap the mesh",
        ),
        pytest.param(
            edit("DiscoveryIdentityConfig", clusterSecret="c2hvcnQ="),
            [r"13:16: .*clusterSecret: 5 bytes, not 32"],
            id="secret of another size",
        ),
        pytest.param(
            edit("DiscoveryServiceConfig", endpoint="ftp://x"),
            [r"endpoint scheme must be http://, https:// or grpc://"],
            id="service of another kind",
        ),
        pytest.param(
            lambda text: HOST(MESH(text)),
            [r"at least 1280", r"did you mean enabled", r"not a network", r"1..65535"],
            id="everything at once",
        ),
        pytest.param(lambda text: text + "\n  bad: [", [r"not YAML"], id="no YAML"),
        pytest.param(lambda _: "\0\1\2", [r"1:1: not YAML"], id="binary"),
        pytest.param(lambda _: "", [r"no KubeSpan document"], id="empty"),
    ],
)
def test_configuration_that_does_not_validate(
    node: LabNode, change: Edit, wanted: list[str]
) -> None:
    text = node.run(["cat", CONFIG]).stdout
    node.run(["sh", "-c", f"cat >{CONFIG}"], text=change(text))

    done = start(node)

    assert (done.returncode, done.stdout) == (1, "")
    lines = done.stderr.splitlines()
    assert len(lines) == len(wanted)
    assert all(line.startswith(f"{CONFIG}:") for line in lines)
    assert all(any(re.search(one, line) for line in lines) for one in wanted)
    assert node.run(["ls", STATE], check=False).returncode != 0


def test_configuration_that_is_not_there(node: LabNode) -> None:
    assert the_line(start(node, config="/none")) == "/none: no such file"


@pytest.mark.checklist(3)
@pytest.mark.parametrize(
    ("file", "content", "reason"),
    [
        pytest.param(
            "node-identity.yaml", "nodeId: [", "not readable as YAML", id="broken"
        ),
        pytest.param("node-identity.yaml", "", "not one of our files", id="empty"),
        pytest.param(
            "node-identity.yaml", "nodeId: ''\n", "no usable nodeId", id="no ID"
        ),
        pytest.param(
            "kubespan-identity.yaml", "\x7fELF\x02", "not readable", id="foreign"
        ),
        pytest.param(
            "kubespan-identity.yaml",
            "privateKey: c2hvcnQ=\npublicKey: c2hvcnQ=\n",
            "no usable privateKey",
            id="short key",
        ),
    ],
)
def test_identity_that_cannot_be_read_is_never_replaced(
    node: LabNode, file: str, content: str, reason: str
) -> None:
    say(node, f"mkdir -m 700 {STATE}")
    node.run(["sh", "-c", f"cat >{STATE}/{file}"], text=content)

    line = the_line(start(node))

    assert line.startswith(f"kubespan: {STATE}/{file}: {reason}")
    assert "left untouched; restore it from a backup, or move it away" in line
    assert node.run(["cat", f"{STATE}/{file}"]).stdout == content
    assert "c2hvcnQ" not in line


@pytest.mark.parametrize(
    ("prepare", "reason", "undo"),
    [
        pytest.param(f"touch {STATE}", "not a directory", "", id="a file"),
        pytest.param(
            f"mkdir {STATE}; mount -t tmpfs -o ro none {STATE}",
            "Read-only file system",
            f"umount {STATE}",
            id="read-only",
        ),
        pytest.param(
            f"mkdir {STATE}; mount -t tmpfs -o mode=700,nr_inodes=1 none {STATE}",
            "No space left on device",
            f"umount {STATE}",
            id="full",
        ),
        pytest.param(
            f"mkdir -m 1777 {STATE}; touch {STATE}/x",
            "shared by all users",
            "",
            id="a place like /tmp",
        ),
    ],
)
def test_state_directory_that_cannot_be_used(
    node: LabNode, prepare: str, reason: str, undo: str
) -> None:
    say(node, prepare)

    line = the_line(start(node))

    say(node, undo or "true")
    assert line.startswith(f"kubespan: {STATE}")
    assert reason in line


@pytest.mark.parametrize(
    ("before", "reason"),
    [
        pytest.param(NOBODY, "needs root (or the capability CAP_NET_ADMIN)", id="user"),
        pytest.param(NO_POWER, "needs root (or the capability", id="no CAP_NET_ADMIN"),
        pytest.param(
            ("unshare", "--user", "--map-root-user"),
            "this user namespace has no power over the network it sees",
            id="root of a user namespace",
        ),
    ],
)
def test_too_few_rights(node: LabNode, before: tuple[str, ...], reason: str) -> None:
    say(node, f"chmod 644 {CONFIG}")

    line = the_line(start(node, before=before))

    assert line.startswith("kubespan: run the mesh: ")
    assert reason in line


def test_configuration_one_may_not_read(node: LabNode) -> None:
    say(node, f"chmod 600 {CONFIG}")

    line = the_line(start(node, before=NOBODY))

    assert line == f"{CONFIG}: cannot be read: Permission denied"


@pytest.mark.parametrize(
    ("prepare", "path", "reason"),
    [
        pytest.param("mkdir s", "s", "something else has that name", id="directory"),
        pytest.param("touch s", "s", "something else has that name", id="a file"),
        pytest.param("touch f", "f/s", "f is not a directory", id="below a file"),
        pytest.param("true", "x" * 110, "at most 107 bytes", id="too long"),
    ],
)
def test_socket_path_that_cannot_be_used(
    node: LabNode, prepare: str, path: str, reason: str
) -> None:
    say(node, f"cd {BAD}; {prepare}")

    line = the_line(start(node, socket=f"{BAD}/{path}"))

    assert line.startswith(f"kubespan: listen on {BAD}/{path}: ")
    assert reason in line


def test_second_daemon_is_told_of_the_first(node: LabNode) -> None:
    node.start_daemon()
    kept, other = str(node.files.state_dir), f"{BAD}/other"

    same = the_line(start(node, **{"state-dir": kept}))
    own = the_line(start(node, **{"state-dir": other}, socket=f"{BAD}/other.sock"))
    down = node.run([*DOWN, other], check=False)
    still_there = node.ctl("status")

    node.stop_daemon()
    node.run([*DOWN, kept])
    assert re.search(r"state: in use by process \d+; stop it", same)
    assert re.search(r"process \d+ has the mesh of this host; stop it first", own)
    assert re.search(r"process \d+ has the mesh", the_line(down))
    assert "userspace, " in still_there or "kernel: " in still_there


def test_control_program_says_why_nobody_answers(node: LabNode) -> None:
    ctl = python_module("kubespan.cli.main", "--socket", SOCKET, "status")
    node.start_daemon()
    try:
        closed = node.run([*NOBODY, *ctl], check=False)
    finally:
        node.stop_daemon()

    gone = node.run(ctl, check=False)

    node.run([*DOWN, str(node.files.state_dir)])
    assert (closed.returncode, gone.returncode) == (3, 3)
    assert "permission denied; use root or the group kubespan" in closed.stderr
    assert "no daemon listens on" in gone.stderr
