"""Replicas on an etcd that fails in every way, by chance; the seed names the case."""

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from discovery.service.refusal import Unavailable
from discovery.stores.etcd.record_key import RecordKey
from tests.etcd_replicas import Replica, Shown, a_replica, until
from tests.fakes.etcd import FakeEtcd
from tests.fakes.virtual_time import run_virtually

WRITERS = 6
STEPS = 40


async def disturb(etcd: FakeEtcd, chance: random.Random) -> None:
    """Do one bad thing after the other, with rests in between."""

    def forget() -> None:
        etcd.compact()
        etcd.break_watches()

    def lose_replies() -> None:
        etcd.lost_replies = 3

    def fall_silent() -> None:
        etcd.is_mute = True

    mishaps: list[Callable[[], None]] = [
        etcd.fail,
        etcd.break_watches,
        forget,
        lose_replies,
        fall_silent,
    ]
    while True:
        await asyncio.sleep(chance.uniform(0.01, 2))
        chance.choice(mishaps)()
        await asyncio.sleep(chance.uniform(0.01, 3))
        etcd.heal()


@dataclass
class Writer:
    """One node: says one thing after the other, through any replica.

    Attributes:
        deletes: whether it sometimes leaves; if not, it sometimes repeats itself.
        possible: what may hold in the end; None: nothing.
    """

    replicas: list[Replica]
    key: RecordKey
    chance: random.Random
    deletes: bool
    possible: set[bytes | None] = field(default_factory=lambda: {None})

    async def run(self) -> None:
        for step in range(STEPS):
            await asyncio.sleep(self.chance.uniform(0, 0.3))
            said = self._next(b"%d" % step)
            try:
                await self._say(self.chance.choice(self.replicas), said)
            except Unavailable:
                self.possible.add(said)
            else:
                self.possible = {said}

    def _next(self, new: bytes) -> bytes | None:
        if self.chance.random() > 0.3:
            return new
        if self.deletes:
            return None
        [*known] = self.possible
        return known[0] or new if len(known) == 1 else new

    async def _say(self, replica: Replica, said: bytes | None) -> None:
        if said is None:
            await replica.delete(self.key, patience_s=2)
        else:
            await replica.update(data=said, key=self.key, ttl_s=900, patience_s=2)


async def run_chaos(seed: int) -> None:
    chance, etcd = random.Random(seed), FakeEtcd()
    keys = [RecordKey("c", f"a{number}") for number in range(WRITERS)]
    async with a_replica(etcd) as one, a_replica(etcd) as two, a_replica(etcd) as three:
        replicas = [one, two, three]
        await one.update(key=RecordKey("c", "stays"))  # an empty etcd is another story
        for replica in replicas:
            await until(lambda replica=replica: replica.news)
            replica.news.clear()
        async with asyncio.TaskGroup() as group:
            trouble = group.create_task(disturb(etcd, chance))
            writers = [Writer(replicas, key, chance, seed % 2 == 0) for key in keys]
            await asyncio.wait([group.create_task(w.run()) for w in writers])
            trouble.cancel()
        etcd.lost_replies = 0
        etcd.heal()
        await until(lambda: all(r.store.link.is_up for r in replicas))
        await until(lambda: not any(r.store.remembered for r in replicas))
        await asyncio.sleep(5)

        for key, writer in zip(keys, writers, strict=True):
            held = [replica.get(key) for replica in replicas]
            data = {record.data if record else None for record in held}
            assert len(data) == 1, key
            assert data <= writer.possible, key
        for replica in replicas:
            shown = Shown()
            for cluster_id, change in replica.news:
                shown.see(cluster_id, change)
            there = {key: replica.get(key) for key in keys if replica.get(key)}
            told = {key: record.data for key, record in shown.record_by_key.items()}
            assert told == {key: record.data for key, record in there.items() if record}
            assert len(replica.store.turns) == len(replica.store.places) == 0


@pytest.mark.parametrize("seed", range(25))
def test_all_replicas_agree_with_what_was_acknowledged(seed: int) -> None:
    random.seed(seed)  # of the replicas, too
    run_virtually(run_chaos(seed))
