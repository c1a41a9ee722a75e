"""Writes one record, and waits until this replica has heard of it."""

import asyncio
from collections.abc import Callable
from typing import Final

from discovery.drivers.entropy import spread
from discovery.drivers.etcd.access import Etcd, Outcome
from discovery.drivers.etcd.failure import EtcdError
from discovery.state.affiliate import Affiliate
from discovery.stores.etcd.link import Link
from discovery.stores.etcd.mirror import Mirror
from discovery.stores.etcd.record_key import RecordKey, etcd_key_from_record_key
from discovery.stores.etcd.record_value import encode_record

# How long to wait for an own change to come back, or for that of a faster writer. The
# change is kept in either case.
HEARD_S: Final = 1.0
# Who lost a race tries again a little later than others who lost it.
LOST_S: Final = 0.002


class Writer:
    """The only way to etcd for a record.

    Args:
        etcd: where to.
        mirror: what is known.
        link: told whether writes succeed.
        now_ns: monotonic clock.
        prefix: of the keys of records.
    """

    def __init__(
        self,
        etcd: Etcd,
        mirror: Mirror,
        link: Link,
        now_ns: Callable[[], int],
        prefix: bytes,
    ) -> None:
        self._etcd = etcd
        self._mirror = mirror
        self._link = link
        self._now_ns = now_ns
        self._prefix = prefix

    async def put(self, key: RecordKey, record: Affiliate) -> bool:
        """Write a record over the one the mirror has.

        Returns:
            False if somebody else was faster; the mirror then knows it, if it could
            hear of it within a second.

        Raises:
            EtcdError: nobody knows whether it was written.
        """
        known = self._mirror.revision_of(key)
        raw_key = etcd_key_from_record_key(self._prefix, key)
        value = encode_record(record, self._now_ns())
        try:
            outcome = await self._etcd.put(raw_key, value, known)
        except EtcdError as error:
            self._link.doubt(str(error))
            raise
        self._link.trust()
        return await self._wait_heard(key, known, outcome)

    async def remove(self, key: RecordKey, *, if_known: bool) -> bool:
        """Remove a record; whatever it is, or only as the mirror has it.

        Returns:
            Whether it was there, and so was removed.

        Raises:
            EtcdError: nobody knows whether it was removed.
        """
        known = self._mirror.revision_of(key)
        raw_key = etcd_key_from_record_key(self._prefix, key)
        try:
            outcome = await self._etcd.delete(raw_key, known)
            # Even this names what it removes: a request that was given up and is done
            # late must not remove what was written since.
            while not if_known and outcome.found:
                outcome = await self._etcd.delete(raw_key, outcome.found)
        except EtcdError as error:
            self._link.doubt(str(error))
            raise
        self._link.trust()
        if if_known or outcome.changed:
            await self._wait_heard(key, known, outcome)
        return outcome.changed

    async def _wait_heard(self, key: RecordKey, known: int, outcome: Outcome) -> bool:
        if outcome.changed:
            revision = outcome.revision
            mirror = self._mirror
            await mirror.wait_for(
                key,
                lambda: max(mirror.revision, mirror.revision_of(key)) >= revision,
                HEARD_S,
            )
            return True
        await self._mirror.wait_for(
            key, lambda: self._mirror.revision_of(key) != known, HEARD_S
        )
        await asyncio.sleep(spread(LOST_S))
        return False
