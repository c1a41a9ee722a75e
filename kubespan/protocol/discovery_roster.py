"""Who one discovery service lists, and who it stopped listing without saying why.

::

              snapshot lacks it                 deleted
    listed ──────────────────────► missing ──────────────┐
      ▲ ▲ ◄──────────────────────    │                   ▼
      │ │       listed again         └ deleted ──► doubted ──► removed
      │ └────────────── List still has it ────────────┘   List, or the
      └──────── an update arrives                         next snapshot, lacks it

A missing one is kept: after an outage a service starts empty, and tunnels that work
need not die of it. A deletion is held back until the service confirms it, because
services announce a deletion when only an endpoint has run out (kubespan.md 3.8).
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from kubespan.model.affiliate import Affiliate
from kubespan.protocol.discovery_records import KeptRecord, OpenedRecord

ENTRIES_MAX: Final = 4096
"""Four times what a service may store; beyond it the longest missing goes first."""


@dataclass(frozen=True, slots=True)
class _Entry:
    affiliate: Affiliate
    opened: OpenedRecord


@dataclass(frozen=True, slots=True)
class Listing:
    """One node as the roster has it now."""

    affiliate: Affiliate
    missing: bool


@dataclass(frozen=True, slots=True)
class RosterChanges:
    """What became different; false when nothing did.

    Attributes:
        put: new or changed, sorted by node ID.
        removed: node IDs, sorted.
    """

    put: tuple[Listing, ...]
    removed: tuple[str, ...]

    def __bool__(self) -> bool:
        return bool(self.put or self.removed)


class DiscoveryRoster:
    """Told what a service says; knows what follows, never ourselves.

    Consumers know nodes by the node ID inside the sealed data. An envelope supplies
    one node ID; of several envelopes that claim the same, the one that bears it as its
    own ID wins, then one that is not missing, then the lowest ID.

    Args:
        node_id: our own; nothing under it, outside or inside, is believed.

    Attributes:
        skipped: records that did not open, or that had no room, so far.
        skipped_endpoints: endpoint blobs that did not open, so far.
    """

    def __init__(self, node_id: str) -> None:
        self._node_id = node_id
        self._entries: dict[str, _Entry] = {}
        self._missing: dict[str, int] = {}  # since when, the longest first
        self._claims: dict[str, set[str]] = {}
        self._contested: set[str] = set()
        self._doubted: set[str] = set()
        self._asked: set[str] = set()
        self._dirty: set[str] = set()
        self._said: set[str] = set()
        self.skipped = 0
        self.skipped_endpoints = 0

    @property
    def affiliates(self) -> int:
        """How many nodes the service lists, without the missing ones."""
        return len(self._entries) - len(self._missing)

    @property
    def doubts(self) -> bool:
        """Whether a deletion waits to be confirmed and nobody has asked yet."""
        return bool(self._doubted)

    @property
    def contested(self) -> int:
        """How many node IDs more than one envelope claims."""
        return len(self._contested)

    def find(self, affiliate_id: str) -> OpenedRecord | None:
        """Return what is known under an envelope, to spare opening it again."""
        entry = self._entries.get(affiliate_id)
        return entry.opened if entry else None

    def kept_records(self) -> Iterator[KeptRecord]:
        """Yield everything known, to be restored after a restart."""
        for affiliate_id, entry in self._entries.items():
            yield KeptRecord(entry.opened.sealed, self._missing.get(affiliate_id, 0))

    def changes(self) -> RosterChanges:
        """Return what became different since the last call.

        Cost: linear in what was touched.
        """
        put, removed = [], []
        for node_id in sorted(self._dirty):
            if listing := self._listing(node_id):
                put.append(listing)
                self._said.add(node_id)
            elif node_id in self._said:
                removed.append(node_id)
                self._said.discard(node_id)
        self._dirty.clear()
        return RosterChanges(tuple(put), tuple(removed))

    def restored(self, opened: OpenedRecord, missing_since_ns: int) -> None:
        """Note what was known before a restart; one that does not open is dropped."""
        if opened.affiliate is None or not self._put(opened):
            return
        if missing_since_ns:
            self._missing[opened.sealed.affiliate_id] = missing_since_ns

    def snapshot_arrived(self, records: Iterable[OpenedRecord], now_ns: int) -> None:
        """Note everything the service has; who is not in it, is missing."""
        listed = self._accept(records)
        refuted = (self._doubted | self._asked) - listed
        self._doubted.clear()
        self._asked.clear()
        for affiliate_id in sorted(self._entries.keys() - listed):
            if affiliate_id in refuted:
                self._remove(affiliate_id)
            elif affiliate_id not in self._missing:
                self._missing[affiliate_id] = now_ns
                self._touch(affiliate_id)

    def updated(self, records: Iterable[OpenedRecord]) -> None:
        """Note records that are new or changed."""
        self._accept(records)

    def deleted(self, affiliate_ids: Iterable[str]) -> None:
        """Note a deletion: believed once the service confirms it."""
        self._doubted.update(self._entries.keys() & set(affiliate_ids))

    def ask(self) -> bool:
        """Tell whether a List is needed; it can judge only deletions known by now."""
        self._asked, self._doubted = self._doubted, set()
        return bool(self._asked)

    def listed(self, records: Iterable[OpenedRecord]) -> None:
        """Note the answer: a doubted one that is still there is refreshed and kept."""
        asked, self._asked = self._asked, set()
        by_id = {record.sealed.affiliate_id: record for record in records}
        for affiliate_id in sorted(asked & self._entries.keys()):
            found = by_id.get(affiliate_id)
            if found is None or not found.sealed.data:
                self._remove(affiliate_id)
            elif affiliate_id not in self._doubted:
                self._accept((found,))

    def list_failed(self) -> None:
        """Note that nobody answered: what was asked is still in doubt."""
        self._doubted |= self._asked
        self._asked.clear()

    def _accept(self, records: Iterable[OpenedRecord]) -> set[str]:
        """Store what opened; return the IDs of all that carried data."""
        listed = set()
        for record in records:
            affiliate_id = record.sealed.affiliate_id
            if affiliate_id == self._node_id or not record.sealed.data:
                continue
            listed.add(affiliate_id)
            self._doubted.discard(affiliate_id)
            self._asked.discard(affiliate_id)
            if not self._put(record):
                self.skipped += 1
        return listed

    def _put(self, record: OpenedRecord) -> bool:
        """Store one record as listed; false if it cannot be used."""
        affiliate, affiliate_id = record.affiliate, record.sealed.affiliate_id
        known = self._entries.get(affiliate_id)
        if affiliate is None or affiliate.node_id == self._node_id:
            # an older version stays, and it is listed all the same
            self._found(affiliate_id)
            return False
        if known is not None and known.opened == record:
            self._found(affiliate_id)
            return True
        self.skipped_endpoints += record.skipped_endpoints
        if known is None and not self._make_room():
            return False
        self._found(affiliate_id)
        self._unclaim(affiliate_id)
        self._entries[affiliate_id] = _Entry(affiliate, record)
        self._claim(affiliate_id, affiliate.node_id)
        return True

    def _found(self, affiliate_id: str) -> None:
        if self._missing.pop(affiliate_id, None) is not None:
            self._touch(affiliate_id)

    def _touch(self, affiliate_id: str) -> None:
        self._dirty.add(self._entries[affiliate_id].affiliate.node_id)

    def _make_room(self) -> bool:
        if len(self._entries) < ENTRIES_MAX:
            return True
        longest = next(iter(self._missing), None)
        if longest is None:
            return False
        self._remove(longest)
        return True

    def _remove(self, affiliate_id: str) -> None:
        self._unclaim(affiliate_id)
        del self._entries[affiliate_id]
        self._missing.pop(affiliate_id, None)
        self._doubted.discard(affiliate_id)

    def _claim(self, affiliate_id: str, node_id: str) -> None:
        self._claims.setdefault(node_id, set()).add(affiliate_id)
        self._settle_claims(node_id)

    def _unclaim(self, affiliate_id: str) -> None:
        if entry := self._entries.get(affiliate_id):
            node_id = entry.affiliate.node_id
            self._claims[node_id].discard(affiliate_id)
            self._settle_claims(node_id)

    def _settle_claims(self, node_id: str) -> None:
        self._dirty.add(node_id)
        claims = self._claims[node_id]
        if not claims:
            del self._claims[node_id]
        if len(claims) > 1:
            self._contested.add(node_id)
        else:
            self._contested.discard(node_id)

    def _listing(self, node_id: str) -> Listing | None:
        """Return what holds for a node now; None if nobody claims it."""
        claims = self._claims.get(node_id)
        if not claims:
            return None
        winner = min(
            claims, key=lambda key: (key != node_id, key in self._missing, key)
        )
        return Listing(self._entries[winner].affiliate, winner in self._missing)
