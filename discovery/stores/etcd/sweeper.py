"""Removes from etcd what has run out, a little of it at a time.

Every replica sweeps. A removal holds only if nobody changed the record meanwhile, so
one of them succeeds and the others have nothing to do; each begins at a moment of its
own and in an order of its own, so they rarely try the same.
"""

import asyncio
from collections.abc import Callable, Iterator
from typing import Final

from discovery.drivers.entropy import shuffled, spread
from discovery.drivers.etcd.failure import EtcdError
from discovery.state.affiliate import Affiliate, sweep_affiliate
from discovery.stores.etcd.lifetimes import WAY_NS
from discovery.stores.etcd.link import Link
from discovery.stores.etcd.mirror import Mirror
from discovery.stores.etcd.record_key import RecordKey
from discovery.stores.etcd.remembered import Remembered
from discovery.stores.etcd.writer import Writer

AT_ONCE: Final = 16
BREATH_KEYS: Final = 1_000
DELAY_S_MAX: Final = 1.0


class Sweeper:
    """Removes what has run out.

    Args:
        mirror: what there is.
        writer: the way to etcd.
        remembered: longer lives that are not in etcd yet.
        link: whether anything may be removed at all.
        now_ns: monotonic clock.
        interval_s: between two sweeps.
    """

    def __init__(
        self,
        mirror: Mirror,
        writer: Writer,
        remembered: Remembered,
        link: Link,
        now_ns: Callable[[], int],
        interval_s: float,
    ) -> None:
        self._mirror = mirror
        self._writer = writer
        self._remembered = remembered
        self._link = link
        self._now_ns = now_ns
        self._delay_s = min(interval_s / 4, DELAY_S_MAX)

    async def sweep(self) -> int:
        """Remove what has run out; the number of records removed by this replica."""
        if not self._link.may_remove:
            return 0
        due = await self._find_due()
        if not due:
            return 0
        due = shuffled(due)
        await asyncio.sleep(spread(self._delay_s))
        keys = iter(due)
        async with asyncio.TaskGroup() as group:
            workers = [
                group.create_task(self._work(keys), name="etcd sweep")
                for _ in range(min(AT_ONCE, len(due)))
            ]
        return sum(worker.result() for worker in workers)

    async def _find_due(self) -> list[RecordKey]:
        due = []
        for number, key in enumerate(self._mirror.keys):
            record = self._mirror.get(key)
            if record is not None and self._what_is_left(record) is not record:
                due.append(key)
            if number % BREATH_KEYS == BREATH_KEYS - 1:
                await asyncio.sleep(0)
        return due

    async def _work(self, keys: Iterator[RecordKey]) -> int:
        removed = 0
        try:
            for key in keys:
                removed += await self._sweep_one(key)
        except EtcdError:
            return removed  # the link was told; the next sweep tries again
        return removed

    async def _sweep_one(self, key: RecordKey) -> bool:
        """Look again, for others may have been faster; tell whether it was removed."""
        record = self._mirror.get(key)
        if record is None or key in self._remembered or not self._link.may_remove:
            return False
        left = self._what_is_left(record)
        if left is None and not self._mirror.revision_of(key):
            self._mirror.drop(key)  # etcd lost it; nobody can say more of it
            return False
        if left is None:
            return await self._writer.remove(key, if_known=True)
        if left is not record:
            await self._writer.put(key, left)
        return False

    def _what_is_left(self, record: Affiliate) -> Affiliate | None:
        return sweep_affiliate(record, self._now_ns() - WAY_NS)
