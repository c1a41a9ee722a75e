"""One thing at a time for each record, in order of arrival."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from discovery.stores.etcd.record_key import RecordKey


class Turns:
    """Who may write which record; of as much size as there are writes under way."""

    def __init__(self) -> None:
        self._lock_by_key: dict[RecordKey, asyncio.Lock] = {}
        self._wanted_by_key: dict[RecordKey, int] = {}

    def __len__(self) -> int:
        return len(self._lock_by_key)

    @asynccontextmanager
    async def take(self, key: RecordKey) -> AsyncIterator[None]:
        """Wait until everybody who came before is done with this record."""
        lock = self._lock_by_key.setdefault(key, asyncio.Lock())
        self._wanted_by_key[key] = self._wanted_by_key.get(key, 0) + 1
        try:
            async with lock:
                yield
        finally:
            self._wanted_by_key[key] -= 1
            if not self._wanted_by_key[key]:
                del self._wanted_by_key[key], self._lock_by_key[key]
