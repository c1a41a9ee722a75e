"""Clients that ask for large replies and do not read them.

What they leave unread is forgotten, and others at the same address are served again.
"""

import asyncio
import os
from typing import Any

import grpc
import pytest

from discovery.api import cluster_pb2 as pb
from discovery.service import interceptors
from discovery.service.outlets import OUTLETS
from tests.discovery.running import a_client, a_service, an_update, code_of

Code = grpc.StatusCode
LIST = "/sidero.discovery.server.Cluster/List"
NARROW = (
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.http2.bdp_probe", 0),
    ("grpc.http2.lookahead_bytes", 1024),
)
STALL_S = 0.5


async def test_replies_left_unread_do_not_keep_their_neighbours_away(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(interceptors, "GIVEN_UP_S", 0.1)
    async with (
        a_service(watcher_stall_s=STALL_S) as address,
        a_client(address) as client,
        grpc.aio.insecure_channel(address, NARROW) as hostile,
    ):
        for number in range(300):
            data = os.urandom(2048)
            await client.AffiliateUpdate(an_update(str(number), affiliate_data=data))
        ask: Any = hostile.unary_stream(LIST, pb.ListRequest.SerializeToString)
        unread = [ask(pb.ListRequest(cluster_id="c")) for _ in range(OUTLETS)]
        await asyncio.sleep(STALL_S / 2)

        async with asyncio.timeout(10):
            while await code_of(client.List(pb.ListRequest(cluster_id="c"))) != Code.OK:
                await asyncio.sleep(STALL_S)

        assert not any(call.done() for call in unread)
    assert "ExecuteBatchError" not in caplog.text
