import logging
from dataclasses import replace
from ipaddress import ip_address

import pytest

from kubespan.drivers.peer_log import PeerLog
from kubespan.model.endpoint import Endpoint
from kubespan.model.keys import PublicKey
from kubespan.model.peer import PeerOutlook, PeerState

NEW = PeerOutlook(
    public_key=PublicKey(bytes(32)),
    name="node-2",
    address=ip_address("fd00::1"),
    state=PeerState.UNKNOWN,
    endpoint=Endpoint(ip_address("10.2.0.12"), 51820),
    last_handshake_ns=0,
    receive_bytes=0,
    transmit_bytes=0,
)
UP = replace(NEW, state=PeerState.UP)
DOWN = replace(NEW, state=PeerState.DOWN, reason="no answer")


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.INFO)
    return lambda: [record.getMessage() for record in caplog.records]


def test_life_of_a_peer_is_told_once_per_change(lines):
    peers = PeerLog()

    for outlook in (NEW, NEW, UP, replace(UP, receive_bytes=9), DOWN, DOWN):
        peers.deliver([outlook])
    peers.deliver([])

    assert lines() == [
        "peer 'node-2' is new",
        "peer 'node-2' is up at 10.2.0.12:51820",
        "peer 'node-2' is not up: no answer",
        "peer 'node-2' is gone: no registry lists it",
    ]


def test_rotating_through_endpoints_is_no_news(lines):
    peers = PeerLog()
    peers.deliver([DOWN])

    peers.deliver([NEW])

    assert lines() == ["peer 'node-2' is not up: no answer"]


def test_name_from_another_node_cannot_forge_a_line(lines):
    PeerLog().deliver([replace(UP, name="x\n2026 all is well")])

    assert "\n" not in lines()[0]
