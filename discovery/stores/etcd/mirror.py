"""What etcd holds, as this replica has heard; the single writer of ``Clusters``."""

import asyncio
import logging
from collections.abc import Callable, Iterable
from typing import Final

from discovery.drivers.etcd.access import Batch, Stored
from discovery.service.store import Announce
from discovery.state.affiliate import Affiliate
from discovery.state.cluster import Change
from discovery.state.clusters import Clusters
from discovery.stores.etcd.lifetimes import settle_record
from discovery.stores.etcd.record_key import RecordKey, record_key_from_etcd_key
from discovery.stores.etcd.record_value import UnreadableRecord, decode_record

log = logging.getLogger(__name__)

KEY_BYTES_SHOWN: Final = 8  # no whole cluster ID
TOLD_MAX: Final = 10
NO_HISTORY: Final = -1  # of no etcd


class Mirror:
    """Every record below a prefix, and the revision of each.

    Args:
        clusters: changed here and nowhere else.
        announce: told every change a watcher could see, once loaded.
        now_ns: monotonic clock.
        prefix: of the keys of records.

    Attributes:
        history: which etcd this was heard from; 0: none yet.
        revision: everything up to here was heard.
        late_until: what was changed up to here may have been heard late.
        latest: the newest change heard that is no deletion; None: there was none.
        unreadable: how often a key or a value meant nothing.
    """

    def __init__(
        self,
        clusters: Clusters,
        announce: Announce,
        now_ns: Callable[[], int],
        prefix: bytes,
    ) -> None:
        self.history = 0
        self.revision = 0
        self.late_until = 0
        self.latest: Stored | None = None
        self.unreadable = 0
        self._clusters = clusters
        self._announce = announce
        self._now_ns = now_ns
        self._prefix = prefix
        self._revision_by_key: dict[RecordKey, int] = {}
        self._news_by_key: dict[RecordKey, asyncio.Event] = {}
        self._told: set[bytes] = set()

    @property
    def is_loaded(self) -> bool:
        """Whether everything was heard at least once."""
        return self.history != 0

    @property
    def keys(self) -> tuple[RecordKey, ...]:
        """Of every record, in order of arrival."""
        return tuple(self._revision_by_key)

    def get(self, key: RecordKey) -> Affiliate | None:
        """Return a record; None if there is none."""
        return self._clusters.get(*key)

    def revision_of(self, key: RecordKey) -> int:
        """Return the revision a key was last changed in; 0 if it does not exist."""
        return self._revision_by_key.get(key, 0)

    def sure_ns(self, key: RecordKey) -> int | None:
        """Return when a record runs out in the eyes of every replica.

        None if nobody here can say: there is none, or it was read some time after it
        was written and so seems to live longer than it does.
        """
        record = self.get(key)
        is_sure = self.revision_of(key) > self.late_until
        return record.expires_ns if record is not None and is_sure else None

    def take(self, batch: Batch) -> None:
        """Do what a batch of the watch says, and wake who waits for it."""
        touched = [self._take_one(stored) for stored in batch.keys]
        self.revision = max(self.revision, batch.revision)
        self._wake(key for key in touched if key is not None)

    def take_listed(self, keys: Iterable[Stored]) -> set[RecordKey]:
        """Take part of a listing; what did not change since is left as it is.

        Returns:
            Whose records they were.
        """
        touched = [self._take_one(stored) for stored in keys]
        return {key for key in touched if key is not None}

    def forget_revisions(self) -> None:
        """Believe that any key may have changed, as in another history."""
        self._revision_by_key = dict.fromkeys(self._revision_by_key, 0)
        self.latest = None
        self.leave_history()

    def leave_history(self) -> None:
        """Believe that the next listing will be of another history."""
        if self.is_loaded:
            self.history = NO_HISTORY

    def expect_absent(self, key: RecordKey) -> None:
        """Keep a record that etcd has lost."""
        self._revision_by_key[key] = 0

    def drop(self, key: RecordKey) -> None:
        """Remove a record that a listing did not have."""
        self._revision_by_key.pop(key, None)
        self._tell(key, self._clusters.delete(*key))

    def finish_listing(self, history: int, revision: int) -> None:
        """Remember where a listing was taken, and wake everybody who waits."""
        self.history = history
        self.revision = revision
        self._wake(tuple(self._news_by_key))

    async def wait_for(
        self, key: RecordKey, is_met: Callable[[], bool], timeout_s: float
    ) -> bool:
        """Wait until a condition about a key is met; tell whether it is.

        It is asked again whenever something about the key was heard.
        """
        try:
            async with asyncio.timeout(timeout_s):
                while not is_met():
                    await self._news_by_key.setdefault(key, asyncio.Event()).wait()
        except TimeoutError:
            self._news_by_key.pop(key, asyncio.Event()).set()
        return is_met()

    def _take_one(self, stored: Stored) -> RecordKey | None:
        """Believe one key, unless what is known of it is as new."""
        key = record_key_from_etcd_key(self._prefix, stored.key)
        if key is None:
            self._skip(stored.key, "the key is of no record")
            return None
        if stored.mod_revision <= self.revision_of(key):
            return key
        if stored.value is None:
            self._revision_by_key.pop(key, None)
            self._tell(key, self._clusters.delete(*key))
            return key
        # also of a value that is unreadable: whoever writes next replaces it
        self._revision_by_key[key] = stored.mod_revision
        if self.latest is None or stored.mod_revision > self.latest.mod_revision:
            self.latest = stored
        try:
            arrived = decode_record(stored.value, key.affiliate_id, self._now_ns())
        except UnreadableRecord as error:
            self._skip(stored.key, str(error))
            return key
        record = settle_record(self.get(key), arrived)
        self._tell(key, self._clusters.put(key.cluster_id, record))
        return key

    def _tell(self, key: RecordKey, change: Change | None) -> None:
        if change is not None and self.is_loaded:
            self._announce(key.cluster_id, change)

    def _wake(self, keys: Iterable[RecordKey]) -> None:
        for key in keys:
            news = self._news_by_key.pop(key, None)
            if news is not None:
                news.set()

    def _skip(self, raw_key: bytes, reason: str) -> None:
        """Count what means nothing; say it once for each of the first few keys."""
        self.unreadable += 1
        shown = raw_key[: len(self._prefix) + KEY_BYTES_SHOWN]
        if shown in self._told or len(self._told) >= TOLD_MAX:
            return
        self._told.add(shown)
        fields = {"key": ascii(shown), "reason": reason}
        log.warning("etcd: skipped what is no record", extra={"fields": fields})
