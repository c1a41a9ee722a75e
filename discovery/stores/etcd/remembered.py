"""Longer lives that were acknowledged and are not in etcd yet.

While etcd is away, whoever says again what is known gets a yes, because nothing that
anybody can see depends on it. This is where the yes is kept.
"""

import asyncio
from collections.abc import Callable, Iterator
from typing import Final

from discovery.drivers.entropy import spread
from discovery.drivers.etcd.failure import EtcdError
from discovery.state.affiliate import Affiliate, sweep_affiliate
from discovery.stores.etcd.lifetimes import WAY_NS, extend_record
from discovery.stores.etcd.link import Link
from discovery.stores.etcd.mirror import Mirror
from discovery.stores.etcd.record_key import RecordKey
from discovery.stores.etcd.turns import Turns
from discovery.stores.etcd.writer import Writer

AT_ONCE: Final = 32
RETRY_S: Final = 1.0


class Remembered:
    """Records to be written when etcd is back; at most one for each known record.

    Args:
        mirror: what etcd has.
        writer: the way to etcd.
        link: whether it is there.
        turns: who may write which record.
        now_ns: monotonic clock.
    """

    def __init__(
        self,
        mirror: Mirror,
        writer: Writer,
        link: Link,
        turns: Turns,
        now_ns: Callable[[], int],
    ) -> None:
        self._mirror = mirror
        self._writer = writer
        self._link = link
        self._turns = turns
        self._now_ns = now_ns
        self._record_by_key: dict[RecordKey, Affiliate] = {}
        self._sure_ns_by_key: dict[RecordKey, int | None] = {}
        self._filled = asyncio.Event()

    def __len__(self) -> int:
        return len(self._record_by_key)

    def __contains__(self, key: RecordKey) -> bool:
        return key in self._record_by_key

    def get(self, key: RecordKey) -> Affiliate | None:
        """Return a record as known and remembered together."""
        stored = self._mirror.get(key)
        remembered = self._record_by_key.get(key)
        if remembered is None or self._was_removed(key):
            return stored
        return extend_record(stored, remembered)

    def add(self, key: RecordKey, record: Affiliate) -> None:
        """Remember a record until it is written."""
        self._record_by_key[key] = record
        self._sure_ns_by_key[key] = self._mirror.sure_ns(key)
        self._filled.set()

    def pending(self, key: RecordKey) -> Affiliate | None:
        """Return what is remembered alone; None: nothing."""
        return self._record_by_key.get(key)

    def forget(self, key: RecordKey, record: Affiliate | None) -> None:
        """Forget a record that was written, unless there is a later one by now."""
        if record is not None and self._record_by_key.get(key) is record:
            self.drop(key)

    def drop(self, key: RecordKey) -> None:
        """Forget whatever is remembered of a record that is gone."""
        self._record_by_key.pop(key, None)
        self._sure_ns_by_key.pop(key, None)

    async def run(self) -> None:
        """Write what is remembered whenever etcd is there, for ever."""
        while True:
            await self._filled.wait()
            await self._link.wait_up()
            if not await self.write_all():
                await asyncio.sleep(spread(RETRY_S))

    async def write_all(self) -> bool:
        """Try to write everything; tell whether nothing is left."""
        keys = iter(tuple(self._record_by_key))
        async with asyncio.TaskGroup() as group:
            for _ in range(min(AT_ONCE, len(self))):
                group.create_task(self._work(keys), name="etcd remembered")
        if not self._record_by_key:
            self._filled.clear()
        return not self._record_by_key

    async def _work(self, keys: Iterator[RecordKey]) -> None:
        try:
            for key in keys:
                async with self._turns.take(key):
                    await self._write(key)
        except EtcdError:
            return  # the link was told; what is left stays remembered

    async def _write(self, key: RecordKey) -> None:
        pending, record = self.pending(key), self.get(key)
        if (
            pending is None
            or record is None
            or not self._is_worth_it(key, record)
            or await self._writer.put(key, record)
        ):
            self.forget(key, pending)

    def _is_worth_it(self, key: RecordKey, record: Affiliate) -> bool:
        """Tell whether etcd should have this record."""
        if sweep_affiliate(record, self._now_ns()) is None:
            return False
        stored = self._mirror.get(key)
        if stored is None or self._mirror.revision_of(key) == 0:
            return True
        return _lives_longer(record, stored)

    def _was_removed(self, key: RecordKey) -> bool:
        """Tell whether somebody removed a record who knew that it had not run out."""
        alive_until_ns = self._sure_ns_by_key.get(key)
        return (
            self._mirror.get(key) is None
            and alive_until_ns is not None
            and alive_until_ns > self._now_ns()
        )


def _lives_longer(record: Affiliate, stored: Affiliate) -> bool:
    """Tell whether a record is worth writing over the stored one."""
    if len(record.endpoints) != len(stored.endpoints):
        return True
    pairs = zip(record.endpoints, stored.endpoints, strict=True)
    gains = [one.expires_ns - other.expires_ns for one, other in pairs]
    return max([record.expires_ns - stored.expires_ns, *gains]) > WAY_NS
