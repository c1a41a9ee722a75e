"""What strangers publish, and what two honest nodes make of it.

The strangers of one test stay for the tests after it: what they do adds up, and the
nodes must stand all of it at once. Through nearly all of it a ping runs from node to
node and loses nothing.
"""

import os
import signal
from collections.abc import Callable, Iterator
from ipaddress import ip_interface

import pytest

from kubespan.lab.lab import Lab
from kubespan.lab.node import LabNode
from kubespan.lab.ping import ping
from kubespan.lab.topology import LabSpec
from kubespan.model.affiliate import Affiliate
from kubespan.model.constants import ENDPOINTS_MAX
from kubespan.model.endpoint import Endpoint
from kubespan.wire.affiliate import encode_affiliate
from tests.netns.hostile import Call, Stranger, affiliate
from tests.netns.support import (
    eventually,
    firewall,
    key_of,
    mesh_of,
    notices,
    running_lab,
    sees_up,
    steady_ping,
)

pytestmark = [pytest.mark.netns, pytest.mark.timeout(180)]

DISCOVERY = "198.19.255.2"
JUNK = 500


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    # a stranger may have many addresses: the limit per address is no protection
    options = ("--rate-limit", "0")
    spec = LabSpec("e2ehostile", nodes=2, nat=0, discovery_options=options)
    yield from running_lab(spec)


@pytest.fixture(scope="module")
def stranger(lab: Lab) -> Stranger:
    return Stranger(lab)


@pytest.fixture
def unharmed(lab: Lab) -> Iterator[None]:
    """Ping all the time, and lose nothing; internet and discovery stay in reach."""
    one, two = lab.nodes
    with steady_ping(one, mesh_of(two)) as pinged:
        yield
        assert ping(one.place, DISCOVERY).is_whole
    assert pinged.is_whole, pinged
    assert sees_up(one, two)
    assert sees_up(two, one)
    assert registry(one)["connected"]


def registry(node: LabNode) -> dict[str, int]:
    (status,) = node.resources("registrystatuses")
    return dict(status["spec"])


def node_id(node: LabNode) -> str:
    (identity,) = node.resources("identities")
    return str(identity["spec"]["nodeId"])


def peer_names(node: LabNode) -> set[str]:
    return set(node.peer_states())


def told(node: LabNode, *words: str) -> Callable[[], bool]:
    """Return what tells whether one notice of a node holds all the words."""
    return lambda: any(all(word in text for word in words) for text in notices(node))


def listed(node: LabNode, count: int) -> Callable[[], bool]:
    return lambda: registry(node)["affiliates"] == count


@pytest.mark.checklist(25, 35)
@pytest.mark.usefixtures("unharmed")
def test_data_that_does_not_open_is_counted_and_spoils_nothing(
    lab: Lab, stranger: Stranger
) -> None:
    one, _ = lab.nodes
    before = registry(one)["skipped"]
    bad = (b"x", os.urandom(300), os.urandom(2048), stranger.seal(b""))
    bad += (stranger.seal(b"\xff" * 50), stranger.seal(b"\x0a\x00"))
    calls = [stranger.record(f"~noise{n}", data) for n, data in enumerate(bad)]

    statuses = stranger.make(*calls, stranger.node(affiliate("~sound")))

    assert set(statuses) == {"OK"}
    eventually(lambda: "~sound" in peer_names(one), "the sound one is a peer", one)
    assert registry(one)["skipped"] == before + len(bad)
    assert f"{before + len(bad)} broken records skipped" in one.ctl("status")


@pytest.mark.checklist(35)
@pytest.mark.usefixtures("unharmed")
def test_what_is_too_large_is_refused_by_the_service(stranger: Stranger) -> None:
    endpoint = os.urandom(16)
    refused = (
        stranger.record("~large", os.urandom(2049)),
        stranger.record("~" * 257, os.urandom(100)),
        stranger.record("~long", os.urandom(100), [os.urandom(33)]),
        stranger.record("~none", os.urandom(100), [b""]),
        stranger.record("", os.urandom(100)),
    )
    many = stranger.record(
        "~many", os.urandom(100), [os.urandom(16) for _ in range(ENDPOINTS_MAX)]
    )

    statuses = stranger.make(*refused, many, stranger.record("~many", b"", [endpoint]))

    assert set(statuses[:5]) == {"INVALID_ARGUMENT"}
    assert statuses[5:] == ["OK", "RESOURCE_EXHAUSTED"]


@pytest.mark.checklist(21)
@pytest.mark.usefixtures("unharmed")
def test_endpoints_that_do_not_open_are_counted(lab: Lab, stranger: Stranger) -> None:
    one, _ = lab.nodes
    before = registry(one)["skippedEndpoints"]
    blobs = [os.urandom(15), bytes(16), b"x" * 32, stranger.sealer.seal_endpoint(b"\0")]
    data = stranger.seal(encode_affiliate(affiliate("~blobs")))

    stranger.make(stranger.record("~blobs", data, blobs))

    eventually(lambda: "~blobs" in peer_names(one), "it is a peer", one)
    assert registry(one)["skippedEndpoints"] == before + len(blobs)
    assert "it announces no endpoint we may use" in one.ctl("peers")


@pytest.mark.checklist(25, 30)
@pytest.mark.usefixtures("unharmed")
def test_noise_in_place_of_a_nodes_own_record_is_put_right_by_the_node(
    lab: Lab, stranger: Stranger
) -> None:
    one, two = lab.nodes
    before = registry(two)["skipped"]

    stranger.make(stranger.record(node_id(one), os.urandom(100)))

    told_so = told(one, "another host publishes under our node ID")
    eventually(told_so, "the node itself notices", one)
    eventually(lambda: registry(two)["skipped"] > before, "the other skips it", two)
    assert not told(two, "another host publishes under our node ID")()


@pytest.mark.checklist(26)
@pytest.mark.usefixtures("unharmed")
def test_node_is_known_by_the_id_inside(lab: Lab, stranger: Stranger) -> None:
    one, two = lab.nodes

    stranger.make(
        stranger.node(affiliate("~inner"), envelope="~outer"),
        # a known node under another envelope, and the reader itself
        stranger.node(affiliate(node_id(two), "two again"), envelope="~claims-two"),
        stranger.node(affiliate(node_id(one), "one again"), envelope="~claims-one"),
    )

    eventually(lambda: "~inner" in peer_names(one), "the inner ID counts", one)
    eventually(told(one, "1 node ID", "more than one affiliate"), "it is told", one)
    ids = {item["metadata"]["id"] for item in one.resources("affiliates")}
    assert not ids & {"~outer", "~claims-two", "~claims-one"}
    assert not peer_names(one) & {"one again", "two again"}


@pytest.mark.usefixtures("unharmed")
def test_nobody_takes_our_key_or_our_mesh_address(lab: Lab, stranger: Stranger) -> None:
    one, two = lab.nodes

    stranger.make(
        # of one key the highest ID is the peer, of one address the lowest
        stranger.node(affiliate("!key", public_key=key_of(one))),
        stranger.node(affiliate("~address", address=one.mesh_address)),
        stranger.node(affiliate("~nokey", public_key="not a key")),
        stranger.node(affiliate("~nowhere", address=ip_interface("10.0.0.1").ip)),
    )

    mine = (str(one.mesh_address), "our own mesh address")
    eventually(told(one, "!key", "our own key"), "the key is refused", one)
    eventually(told(one, "~address", *mine), "the address is refused", one)
    eventually(told(two, "~address", "the lower node ID"), "the other tells", two)
    eventually(told(two, "!key and node-1", "same key"), "and of the key", two)
    assert told(one, "~nokey", "left out")()
    assert told(one, "~nowhere", "no valid mesh address")()


@pytest.mark.checklist(35)
@pytest.mark.usefixtures("unharmed")
def test_peers_with_no_and_with_all_endpoints(lab: Lab, stranger: Stranger) -> None:
    one, _ = lab.nodes
    many = [Endpoint.from_text(f"203.0.113.{n}:51820") for n in range(ENDPOINTS_MAX)]

    statuses = stranger.make(
        stranger.node(affiliate("~no-endpoint", endpoints=())),
        stranger.node(affiliate("~all-endpoints", endpoints=tuple(many))),
    )

    assert statuses == ["OK", "OK"]
    names = {"~no-endpoint", "~all-endpoints"}
    eventually(lambda: names <= peer_names(one), "both are peers", one)
    eventually(lambda: "trying 203.0.113." in one.ctl("peers"), "tried in turn", one)


@pytest.mark.usefixtures("unharmed")
def test_endpoints_that_lead_nowhere_are_not_used(lab: Lab, stranger: Stranger) -> None:
    one, two = lab.nodes
    texts = (
        *("127.0.0.1:51820", "0.0.0.0:51820", "224.0.0.1:51820", "203.0.113.9:0"),
        *("255.255.255.255:51820", "[::1]:51820", "[ff02::1]:51820", "[fe80::1]:51820"),
        *(f"[{two.mesh_address}]:51820", f"[{one.mesh_address}]:51820"),
    )
    odd = tuple(map(Endpoint.from_text, texts))

    stranger.make(stranger.node(affiliate("~odd", endpoints=odd)))

    wanted = told(one, "~odd", f"{len(texts)} unusable endpoints")
    eventually(wanted, "they are told", one)
    used = one.run(["wg", "show", "kubespan", "endpoints"]).stdout
    assert not [text for text in texts if text in used]


@pytest.mark.usefixtures("unharmed")
def test_one_key_twice_is_one_peer(lab: Lab, stranger: Stranger) -> None:
    one, two = lab.nodes
    key = affiliate("~twin").kubespan.public_key

    stranger.make(
        stranger.node(affiliate("~twin-a", public_key=key)),
        stranger.node(affiliate("~twin-b", public_key=key)),
        # a lower ID than node-2's: it does not become the peer with node-2's key
        stranger.node(affiliate("!copy", public_key=key_of(two))),
    )

    eventually(told(one, "~twin-a and ~twin-b", "same key"), "it is told", one)
    eventually(told(one, "!copy and node-2", "same key"), "and the copy", one)
    assert "~twin-b" in peer_names(one)
    assert not peer_names(one) & {"~twin-a", "!copy"}


@pytest.mark.checklist(39)
@pytest.mark.usefixtures("unharmed")
def test_nobody_takes_the_internet(lab: Lab, stranger: Stranger) -> None:
    one, _ = lab.nodes
    texts = ("0.0.0.0/0", "::/0", "0.0.0.0/1", "128.0.0.0/1", "198.0.0.0/7", "2000::/3")
    texts += ("127.0.0.0/8", "224.0.0.0/4", "169.254.0.0/16", "fe80::/10", "fd00::/8")
    wide = tuple(map(ip_interface, texts))
    lone = affiliate("!wide", additional_addresses=(*wide, ip_interface("10.9.0.0/16")))

    stranger.make(stranger.node(lone))

    eventually(told(one, "!wide", "0.0.0.0/0", "ignored"), "it is told", one)
    eventually(lambda: "10.9.0.0/16" in firewall(one), "what is sane counts", one)
    assert not [text for text in texts if text in firewall(one)]


@pytest.mark.usefixtures("unharmed")
def test_names_drive_no_terminal_and_forge_no_line(
    lab: Lab, stranger: Stranger
) -> None:
    one, _ = lab.nodes
    evil = "~evil\x1b[2J\x1b]0;x\x07\r\n2026-01-01 ERROR forged"

    stranger.make(
        stranger.node(affiliate("~e\x1b[31m\n", evil)),
        stranger.node(affiliate("~e2", evil, address=None)),
        stranger.node(affiliate("~long-name", "n" * 800)),
        stranger.node(affiliate("~right-to-left", "\u202egnol")),
    )

    eventually(lambda: evil in peer_names(one), "it is a peer all the same", one)
    eventually(told(one, "~evil", "no valid mesh address"), "and is told of", one)
    commands = (["status"], ["peers"], ["peers", "-o", "wide"], ["members"])
    shown = [one.ctl(*command) for command in (*commands, ["affiliates"])]
    shown += ["\n".join(one.log_tail(50)), one.ctl("get", "notices")]
    for text in shown:
        lines = text.splitlines()
        assert not [char for line in lines for char in line if not char.isprintable()]
        assert not [line for line in lines if line.startswith("2026-01-01 ERROR")]


@pytest.mark.checklist(30)
@pytest.mark.usefixtures("unharmed")
def test_deletion_by_a_stranger_is_put_right_before_it_counts(
    lab: Lab, stranger: Stranger
) -> None:
    one, two = lab.nodes
    count = registry(one)["affiliates"]
    # without these, nobody else claims to be the two
    claims = ("~claims-one", "~claims-two", "!copy")
    stranger.make(*map(stranger.deletion, claims))
    eventually(listed(one, count - 2), "they are gone", one)

    for _ in range(2):
        stranger.make(*(stranger.deletion(node_id(node)) for node in (one, two)))
        eventually(lambda: "ABSENT" in watched(lab, stranger), "they are removed")
        eventually(lambda: "ABSENT" not in watched(lab, stranger), "they are back")

    assert listed(one, count - 2)()


def watched(lab: Lab, stranger: Stranger) -> list[str]:
    """Return for both nodes whether the service has them."""
    ids = stranger.list_ids()
    return ["THERE" if node_id(node) in ids else "ABSENT" for node in lab.nodes]


def test_forged_record_of_a_node_is_put_right_by_the_node(
    lab: Lab, stranger: Stranger
) -> None:
    # with the cluster's secret anybody can be anybody: it cannot be kept from
    # happening, but the node learns of it, says so, and speaks up
    one, two = lab.nodes
    forged = affiliate(node_id(two), "impostor")

    stranger.make(stranger.node(forged))

    told_so = told(two, "another host publishes under our node ID")
    eventually(told_so, "the node itself notices", two)
    lab.wait_until_up(60)
    assert "impostor" not in peer_names(one)
    assert lab.ping("node-1", "node-2").is_whole


@pytest.mark.usefixtures("unharmed")
def test_start_with_all_of_them_known_from_the_last_run(lab: Lab) -> None:
    one, two = lab.nodes
    count = registry(one)["affiliates"]

    one.stop_daemon(signal.SIGKILL)
    one.start_daemon()

    eventually(listed(one, count), "all are there again", one)
    eventually(lambda: sees_up(one, two), "node-2 is up", one)
    assert told(one, "~odd", "unusable endpoints")()


@pytest.mark.checklist(35)
@pytest.mark.usefixtures("unharmed")
def test_a_thousand_strangers(lab: Lab, stranger: Stranger) -> None:
    one, two = lab.nodes
    before = registry(one)
    peers = [stranger.node(junk(number)) for number in range(JUNK)]
    noise = [stranger.record(f"~n{n}", os.urandom(200)) for n in range(JUNK)]
    over = [stranger.record(f"~over{n}", os.urandom(50)) for n in range(100)]

    statuses = stranger.make(*peers, *noise, *over)

    assert set(statuses) == {"OK", "RESOURCE_EXHAUSTED"}
    wanted = before["affiliates"] + statuses[:JUNK].count("OK")
    eventually(listed(one, wanted), "all peers are known", one, timeout_s=60)
    eventually(lambda: registry(one)["skipped"] > before["skipped"] + 400, "and noise")
    eventually(lambda: len(peer_names(two)) >= JUNK, "to both", two, timeout_s=60)
    remove_all(lab, stranger, [*peers, *noise, *over])


def junk(number: int) -> Affiliate:
    network = ip_interface(f"10.{100 + number // 250}.{number % 250}.0/24")
    return affiliate(f"~junk{number}", additional_addresses=(network,))


def remove_all(lab: Lab, stranger: Stranger, calls: list[Call]) -> None:
    """Delete everybody but the nodes; the mesh must be as if nobody had been there."""
    one, two = lab.nodes
    honest = {node_id(node) for node in lab.nodes}
    stranger.make(*map(stranger.deletion, sorted(stranger.list_ids() - honest)))
    eventually(listed(one, 1), "all are gone", one, two, timeout_s=60)
    eventually(lambda: peer_names(one) == {"node-2"}, "one peer is left", one)
    assert not [text for text in notices(one) if text.startswith("peer ")]
