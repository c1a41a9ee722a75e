"""Watches on which nothing happens for minutes, while pings go to and fro."""

import asyncio
import os
from pathlib import Path

import pytest

from tests.discovery_builders import until
from tests.interop.go_program import play
from tests.interop.our_nodes import Cluster
from tests.interop.server_under_test import a_server

IDLE_S = int(os.environ.get("KUBESPAN_IDLE_S", "130"))
# A tenth is how often a client with this lifetime pings.
TTL_S = 100.0

pytestmark = [pytest.mark.interop, pytest.mark.timeout(IDLE_S + 60)]


# Checklist 45, 83: nobody is told off for pinging every 10 s, nobody reconnects.
# Longer with KUBESPAN_IDLE_S=600.
async def test_idle_watches_that_ping_every_ten_seconds_stay(
    go_client: Path, tmp_path: Path
) -> None:
    cluster = Cluster(tmp_path, "idle", TTL_S)

    async with a_server() as server, cluster.node("ours") as node:
        node.publish(server)
        await until(lambda: node.is_connected)
        said, reports = await _meanwhile(
            play(
                go_client,
                server,
                "Idle",
                *("-duration", f"{IDLE_S}s"),
                within_s=IDLE_S + 30,
            ),
            lambda: node.is_connected,
        )

    assert "one connection each" in said
    assert all(reports)
    assert node.connections == 1


async def _meanwhile(playing, look):
    """Look every 0.1 s while something plays; returns what it said, what was seen."""
    seen = []
    async with asyncio.TaskGroup() as group:
        task = group.create_task(playing)
        while not task.done():
            seen.append(look())
            await asyncio.sleep(0.1)
    return task.result(), seen
