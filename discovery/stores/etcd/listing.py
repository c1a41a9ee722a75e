"""Reads everything below the prefix, at the start and when history is lost.

What a listing does not have was removed while nobody listened, with two exceptions in
which etcd has probably lost it and not the nodes: the listing is empty although we
know records, or it is of another history (etcd was set up anew or restored from a
backup). Then every record we know that has not run out is written again, unless the
key has come into being meanwhile. If it was removed on purpose just then, it lives on
for what was left of it, 30 minutes at most.
"""

import logging
from collections.abc import Callable
from contextlib import aclosing

from discovery.drivers.etcd.access import Etcd, Page
from discovery.state.affiliate import sweep_affiliate
from discovery.stores.etcd.mirror import Mirror
from discovery.stores.etcd.record_key import RecordKey
from discovery.stores.etcd.remembered import Remembered

log = logging.getLogger(__name__)


class Listing:
    """Takes listings.

    Args:
        etcd: where from.
        mirror: takes what is listed.
        remembered: takes what must be written again.
        now_ns: monotonic clock.
        prefix: of the keys of records.
    """

    def __init__(
        self,
        etcd: Etcd,
        mirror: Mirror,
        remembered: Remembered,
        now_ns: Callable[[], int],
        prefix: bytes,
    ) -> None:
        self._etcd = etcd
        self._mirror = mirror
        self._remembered = remembered
        self._now_ns = now_ns
        self._prefix = prefix

    async def take(self) -> None:
        """Make the mirror what etcd is now; changes are announced.

        Raises:
            EtcdError: the mirror then has parts of it; take another one.
        """
        started_ns = self._now_ns()
        listed: set[RecordKey] = set()
        page, is_begun, is_other = None, False, False
        async with aclosing(self._etcd.pages(self._prefix)) as pages:
            async for page in pages:
                if not is_begun and self._is_other(page):
                    is_other = True
                    self._mirror.forget_revisions()
                is_begun = True
                listed |= self._mirror.take_listed(page.keys)
        if page is None:  # there is always one
            return
        self._settle_missing(listed, is_lost=is_other or not listed)
        self._mirror.finish_listing(page.history, page.revision)
        took_s = (self._now_ns() - started_ns) / 1e9
        fields = {"records": len(listed), "revision": page.revision, "took_s": took_s}
        log.info("etcd: everything read", extra={"fields": fields})

    def _is_other(self, page: Page) -> bool:
        mirror = self._mirror
        if not mirror.is_loaded:
            return False
        return page.history != mirror.history or page.revision < mirror.revision

    def _settle_missing(self, listed: set[RecordKey], *, is_lost: bool) -> None:
        missing = [key for key in self._mirror.keys if key not in listed]
        now_ns = self._now_ns()
        kept = 0
        for key in missing:
            record = self._remembered.get(key)
            if is_lost and record and sweep_affiliate(record, now_ns):
                self._mirror.expect_absent(key)
                self._remembered.add(key, record)
                kept += 1
            else:
                self._mirror.drop(key)
        if kept:
            fields = {"records": kept}
            log.error("etcd lost its records; writing ours", extra={"fields": fields})
