import json
import re
from dataclasses import replace
from ipaddress import ip_address

import pytest
from click.testing import CliRunner

from kubespan.cli.commands.peers import HEADER
from kubespan.cli.main import kubespanctl
from kubespan.drivers.clock import SystemClock
from kubespan.engine.store import Store
from kubespan.model.endpoint import Endpoint
from kubespan.model.keys import PublicKey
from kubespan.model.peer import PeerOutlook, PeerState
from tests.kubespan.cli.support import serving

UP = PeerOutlook(
    public_key=PublicKey(bytes(32)),
    name="w-1",
    address=ip_address("fd00::1"),
    state=PeerState.UP,
    endpoint=Endpoint(ip_address("10.2.0.12"), 51820),
    last_handshake_ns=0,
    receive_bytes=15932,
    transmit_bytes=100,
)
DOWN = PeerOutlook(
    public_key=PublicKey(bytes([1]) * 32),
    name="a-2",
    address=ip_address("fd00::2"),
    state=PeerState.DOWN,
    endpoint=None,
    last_handshake_ns=0,
    receive_bytes=0,
    transmit_bytes=0,
    reason="no answer from 10.3.0.13:51820",
    next_endpoint=Endpoint(ip_address("10.4.0.14"), 51820),
)


def outlooks() -> list[PeerOutlook]:
    now_ns = SystemClock().now_ns()
    return [
        replace(UP, last_handshake_ns=now_ns - int(125.5e9)),
        replace(DOWN, next_attempt_ns=now_ns + int(12.5e9)),
    ]


@pytest.fixture
def ask(tmp_path):
    store = Store()
    store.replace(PeerOutlook, "peer_outlook", outlooks(), 1)
    with serving(store, tmp_path / "s"):
        yield lambda *words: CliRunner().invoke(
            kubespanctl, ["--socket", str(tmp_path / "s"), "peers", *words]
        )


def test_table_says_how_each_peer_is_and_what_comes_next(ask):
    header, down, up = ask().output.splitlines()

    assert header.split() == list(HEADER)
    assert down.startswith("a-2    down    -                 never")
    assert "no answer from 10.3.0.13:51820; try 10.4.0.14:51820 in " in down
    assert re.search(r"2m\d+s ago", up)
    assert "15.6 KiB" in up
    assert up == up.rstrip()


def test_wide_adds_address_and_key(ask):
    output = ask("-o", "wide").output

    assert "fd00::1" in output
    assert str(UP.public_key) in output


def test_json_is_a_sorted_list(ask):
    peers = json.loads(ask("-o", "json").output)

    assert [peer["name"] for peer in peers] == ["a-2", "w-1"]
    assert peers[1]["publicKey"] == str(UP.public_key)
    assert peers[1]["state"] == "up"


def test_no_peers_is_said_with_where_to_look(tmp_path):
    with serving(Store(), tmp_path / "s"):
        result = CliRunner().invoke(
            kubespanctl, ["--socket", str(tmp_path / "s"), "peers"]
        )

    assert "kubespanctl status" in result.output
