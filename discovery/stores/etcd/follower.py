"""Keeps the mirror as etcd is: lists once, then watches, whatever happens to etcd."""

import asyncio
from contextlib import aclosing
from typing import Final

from discovery.drivers.entropy import spread
from discovery.drivers.etcd.access import Etcd, Head
from discovery.drivers.etcd.failure import Compacted, EtcdError
from discovery.stores.etcd.link import Link
from discovery.stores.etcd.listing import Listing
from discovery.stores.etcd.mirror import Mirror

# A watch of a member that hangs is silent; so the member is asked something as often.
PROBE_S: Final = 5.0
PAUSE_S_MIN: Final = 0.05
PAUSE_S_MAX: Final = 2.0


class Follower:
    """Hears what happens in etcd.

    Args:
        etcd: where from.
        mirror: told everything.
        listing: for the start and for lost history.
        link: told whether anything is heard.
        prefix: of the keys of records.
    """

    def __init__(
        self, etcd: Etcd, mirror: Mirror, listing: Listing, link: Link, prefix: bytes
    ) -> None:
        self._etcd = etcd
        self._mirror = mirror
        self._listing = listing
        self._link = link
        self._prefix = prefix
        self._must_list = True
        self._stopped = asyncio.Event()

    async def run(self) -> None:
        """Follow until stopped; after a failure through another member, soon."""
        pause_s = PAUSE_S_MIN
        while not self._stopped.is_set():
            try:
                await self._follow()
            except EtcdError as error:
                if self._stopped.is_set():
                    return
                self._must_list |= isinstance(error, Compacted)
                pause_s = PAUSE_S_MIN if self._link.is_steady else pause_s * 2
                self._link.fall(str(error))
            pause_s = min(pause_s, PAUSE_S_MAX)
            await self._etcd.renew()
            await asyncio.sleep(spread(pause_s))

    def stop(self) -> None:
        """Follow no more, once cancelled.

        A task group whose task fails just when its parent is cancelled says only that
        it failed, so a cancellation alone could be lost.
        """
        self._stopped.set()

    async def _follow(self) -> None:
        """Catch up, then watch until something fails.

        Raises:
            EtcdError: always, at last.
        """
        head = await self._etcd.head(self._prefix)
        self._mirror.late_until = head.revision
        if not await self._continues(head):
            self._mirror.leave_history()
            self._must_list = True
        if self._must_list:
            await self._listing.take()
            self._must_list = False
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._watch(head.member), name="etcd watch")
                group.create_task(self._probe(head.member), name="etcd probe")
        except* EtcdError as errors:
            failures = list(errors.exceptions)
        forgotten = [error for error in failures if isinstance(error, Compacted)]
        raise (forgotten or failures)[0]

    async def _continues(self, head: Head) -> bool:
        """Tell whether etcd is where we left it or further on.

        Numbers alone do not say: an etcd that was set up anew or restored can have the
        same ID, and by now as many changes.
        """
        mirror = self._mirror
        if head.history != mirror.history or head.revision < mirror.revision:
            return False
        if self._must_list or mirror.latest is None:
            return True
        try:
            return await self._etcd.remembers(mirror.latest)
        except Compacted:
            self._must_list = True
            return True

    async def _watch(self, member: str) -> None:
        first = self._mirror.revision + 1
        async with aclosing(self._etcd.watch(self._prefix, first, member)) as batches:
            async for batch in batches:
                if not self._link.is_up:
                    self._link.rise()
                self._mirror.take(batch)

    async def _probe(self, member: str) -> None:
        while True:
            await self._link.wait_doubted(PROBE_S)
            await self._etcd.probe(self._prefix, member)
            await asyncio.sleep(PAUSE_S_MIN)  # however many doubt
