"""``kill -9`` of the real program, again and again, while clients write.

Each affiliate has one writer, which numbers what it writes. After a crash an affiliate
may be what was acknowledged last, or what was under way; nothing older.
"""

import asyncio
import io
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import grpc
import pytest

from discovery.api import cluster_pb2 as pb
from discovery.api.cluster_pb2_grpc import ClusterStub
from discovery.commands.checking import check_snapshot
from discovery.drivers.clock import monotonic_ns
from tests.discovery.running import a_client, an_update
from tests.discovery.service_program import a_program, address_of

ROUNDS = 100
SNAPSHOT_ROUNDS = 4
WRITERS = 8
AFFILIATES_PER_WRITER = 10
DELETED = -1
WRITE_S = 0.12  # in a round, at most
INTERVAL_S = 0.3
SAVE_S = 1.0  # of a machine that has much else to do
TTL_NS = 1800 * 10**9


@asynccontextmanager
async def a_start(
    path: Path, interval: str
) -> AsyncIterator[tuple[asyncio.subprocess.Process, ClusterStub]]:
    """Start the program on these files; it is killed in the end."""
    flags = (
        "--addr=127.0.0.1:0",
        "--rate-limit=0",
        "--snapshots-enabled=true",
        f"--snapshot-path={path}",
        f"--snapshot-interval={interval}",
    )
    async with a_program(*flags) as program:
        address = await address_of(program)
        async with a_client(address) as client:
            yield program, client


class Writers:
    """What clients wrote, and what they were told.

    Attributes:
        acknowledged: for each affiliate the number acknowledged last.
        under_way: the number of a call that has no answer, if there is one.
        told: every acknowledgement: when, who, number.
    """

    def __init__(self, deletions: float = 0.1) -> None:
        self.random = random.Random()
        self._deletions = deletions
        self.acknowledged: dict[str, int] = {}
        self.under_way: dict[str, int] = {}
        self.told: list[tuple[int, str, int]] = []
        self._number = 0

    async def write_until_killed(self, client: ClusterStub) -> None:
        async with asyncio.TaskGroup() as group:
            for writer in range(WRITERS):
                group.create_task(self._write(writer, client))

    async def _write(self, writer: int, client: ClusterStub) -> None:
        while True:
            name = f"w{writer}-{self.random.randrange(AFFILIATES_PER_WRITER)}"
            self._number += 1
            deletes = self.random.random() < self._deletions
            number = DELETED if deletes else self._number
            self.under_way[name] = number
            try:
                await self._call(client, name, number)
            except grpc.aio.AioRpcError:
                return
            del self.under_way[name]
            self.acknowledged[name] = number
            self.told.append((monotonic_ns(), name, number))

    async def _call(self, client: ClusterStub, name: str, number: int) -> None:
        if number == DELETED:
            request = pb.AffiliateDeleteRequest(cluster_id="c", affiliate_id=name)
            await client.AffiliateDelete(request)
            return
        data = b"%d " % number + bytes(self.random.randrange(300))
        endpoint = b"%d" % number
        update = an_update(name, endpoint, affiliate_data=data, ttl_ns=TTL_NS)
        await client.AffiliateUpdate(update)

    def settle(self, found: dict[str, int]) -> None:
        """What was found is what is so."""
        self.acknowledged = found
        self.under_way.clear()
        self.told.clear()


async def found_by(client: ClusterStub) -> dict[str, int]:
    """The number each affiliate has, as a client reads it."""
    response = await client.List(pb.ListRequest(cluster_id="c"))
    return {
        affiliate.id: int(affiliate.data.split(b" ")[0])
        for affiliate in response.affiliates
    }


def assert_nothing_is_lost(writers: Writers, found: dict[str, int]) -> None:
    for name in writers.acknowledged.keys() | writers.under_way.keys() | found.keys():
        allowed = {writers.acknowledged.get(name, DELETED)}
        if name in writers.under_way:
            allowed.add(writers.under_way[name])
        assert found.get(name, DELETED) in allowed, name


async def write_and_kill(
    writers: Writers, client: ClusterStub, program: asyncio.subprocess.Process, s: float
) -> int:
    """Let them write for so long; return when the program was killed."""
    async with asyncio.TaskGroup() as group:
        group.create_task(writers.write_until_killed(client))
        await asyncio.sleep(s)
        program.kill()
        killed_ns = monotonic_ns()
    await program.wait()
    return killed_ns


@pytest.mark.timeout(300)
async def test_nothing_acknowledged_is_lost_when_written_through(
    tmp_path: Path,
) -> None:
    path = tmp_path / "state.binpb"
    writers = Writers()
    acknowledged = 0
    for _ in range(ROUNDS):
        async with a_start(path, "0") as (program, client):
            found = await found_by(client)
            assert_nothing_is_lost(writers, found)
            writers.settle(found)
            for_s = writers.random.uniform(0, WRITE_S)
            await write_and_kill(writers, client, program, for_s)
        acknowledged += len(writers.told)
        assert check_snapshot(path, io.StringIO()) == 0
    async with a_start(path, "0") as (_, client):
        assert_nothing_is_lost(writers, await found_by(client))

    assert acknowledged > ROUNDS


@pytest.mark.timeout(300)
async def test_no_more_than_the_interval_is_lost_with_snapshots(tmp_path: Path) -> None:
    path = tmp_path / "state.binpb"
    writers = Writers(deletions=0)
    for _ in range(SNAPSHOT_ROUNDS):
        async with a_start(path, f"{INTERVAL_S}s") as (program, client):
            found = await found_by(client)
            writers.settle(found)
            for_s = INTERVAL_S + SAVE_S + writers.random.uniform(0, INTERVAL_S)
            killed_ns = await write_and_kill(writers, client, program, for_s)
        assert check_snapshot(path, io.StringIO()) == 0
        must_ns = killed_ns - round((INTERVAL_S + SAVE_S) * 1e9)
        must = {name: number for at, name, number in writers.told if at < must_ns}
        async with a_start(path, "1h") as (_, client):
            found = await found_by(client)
        assert must
        assert all(found[name] >= number for name, number in must.items())
