"""etcd in memory: revisions, guarded writes, watches, compaction, and every failure."""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field

from discovery.drivers.etcd.access import Batch, Head, Outcome, Page, Stored
from discovery.drivers.etcd.failure import Compacted, EtcdError

PAGE_KEYS = 3


@dataclass
class FakeEtcd:
    """One etcd cluster; every replica may use the same object, it is also the client.

    Attributes:
        problem: given: every call fails with it, and watches end.
        is_mute: watches say nothing for now.
        is_hanging: no call gets an answer.
        lost_replies: so many writes from now on are done and then fail.
    """

    history: int = 1
    revision: int = 1
    problem: str = ""
    is_mute: bool = False
    is_hanging: bool = False
    lost_replies: int = 0
    renewals: int = 0
    puts: int = 0
    deletions: int = 0
    stored_by_key: dict[bytes, Stored] = field(default_factory=dict)
    _changes: list[Stored] = field(default_factory=list)
    _compacted: int = 0
    _at_compaction: dict[bytes, Stored] = field(default_factory=dict)
    _breaks: int = 0
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    def fail(self, problem: str = "no leader") -> None:
        self.problem = problem
        self.break_watches()

    def heal(self) -> None:
        self.problem = ""
        self.is_mute = self.is_hanging = False
        self._wake()

    def break_watches(self) -> None:
        self._breaks += 1
        self._wake()

    def compact(self) -> None:
        """Forget every change before now."""
        self._compacted = self.revision
        self._changes = []
        self._at_compaction = dict(self.stored_by_key)

    def wipe(self, history: int = 2) -> None:
        """Begin anew, as after all disks were lost."""
        self.history, self.revision, self._compacted = history, 1, 0
        self.stored_by_key = {}
        self._changes = []
        self._at_compaction = {}
        self.break_watches()

    def write(self, key: bytes, value: bytes | None) -> Stored:
        """Change a key as anybody could."""
        self.revision += 1
        stored = Stored(key, value, self.revision)
        if value is None:
            self.stored_by_key.pop(key, None)
        else:
            self.stored_by_key[key] = stored
        self._changes.append(stored)
        self._wake()
        return stored

    async def head(self, prefix: bytes) -> Head:
        await self._answer()
        return Head("fake", self.history, self.revision)

    async def remembers(self, change: Stored) -> bool:
        await self._answer()
        if change.mod_revision < self._compacted:
            raise Compacted("fake: forgotten")
        return change in (*self._changes, self._at_compaction.get(change.key))

    async def probe(self, prefix: bytes, member: str) -> None:
        await self._answer()

    async def pages(self, prefix: bytes) -> AsyncGenerator[Page, None]:
        await self._answer()
        revision = self.revision
        keys = sorted(key for key in self.stored_by_key if key.startswith(prefix))
        listed = [self.stored_by_key[key] for key in keys]
        yield Page(self.history, revision, tuple(listed[:PAGE_KEYS]))
        for start in range(PAGE_KEYS, len(listed), PAGE_KEYS):
            await self._answer()
            part = tuple(listed[start : start + PAGE_KEYS])
            yield Page(self.history, revision, part)

    async def watch(
        self, prefix: bytes, revision: int, member: str
    ) -> AsyncGenerator[Batch, None]:
        await self._answer()
        breaks = self._breaks
        yield Batch((), 0)
        if revision <= self._compacted:
            raise Compacted("fake: forgotten")
        while True:
            if not self.is_mute:
                changes = [c for c in self._changes if c.mod_revision >= revision]
                told = tuple(c for c in changes if c.key.startswith(prefix))
                if told:
                    revision = told[-1].mod_revision + 1
                    yield Batch(told, told[-1].mod_revision)
                    continue
            news = self._news
            await news.wait()
            if breaks != self._breaks:
                raise EtcdError("fake: connection closed")

    async def put(self, key: bytes, value: bytes, if_revision: int) -> Outcome:
        await self._answer()
        self.puts += 1
        if self._revision_of(key) != if_revision:
            return Outcome(False, self.revision)
        self.write(key, value)
        return self._reply(Outcome(True, self.revision))

    async def delete(self, key: bytes, if_revision: int) -> Outcome:
        await self._answer()
        self.deletions += 1
        known = self._revision_of(key)
        if not known or if_revision != known:
            return Outcome(False, self.revision, known)
        self.write(key, None)
        return self._reply(Outcome(True, self.revision))

    async def renew(self) -> None:
        self.renewals += 1

    def _revision_of(self, key: bytes) -> int:
        stored = self.stored_by_key.get(key)
        return stored.mod_revision if stored else 0

    def _reply(self, outcome: Outcome) -> Outcome:
        if self.lost_replies:
            self.lost_replies -= 1
            raise EtcdError("fake: no answer in time")
        return outcome

    async def _answer(self) -> None:
        await asyncio.sleep(0)
        if self.is_hanging:
            await asyncio.sleep(2)
            raise EtcdError("fake: no answer in time")
        if self.problem:
            raise EtcdError(f"fake: {self.problem}")

    def _wake(self) -> None:
        news, self._news = self._news, asyncio.Event()
        news.set()
