"""What changed in one cluster, for readers who each know how far they have read.

Every change has a version. Only the newest change of an affiliate is kept, so a reader
who slept for long catches up with what is, not with what was::

    version      3    5    6    9
    affiliate    b    a    d    c        a reader at 5 is told of d and c
                      ▲
                  a was created at 4: a reader at 3 who finds it deleted hears nothing
"""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile

from discovery.state.cluster import Change

# Deletions kept before it is looked into who still needs them.
DELETIONS_SPARE = 64


@dataclass(frozen=True, slots=True)
class Portion:
    """What a reader is to be told next.

    Attributes:
        changes: at most one for each affiliate, oldest first.
        version: where the reader is once it was told.
    """

    changes: tuple[Change, ...]
    version: int


@dataclass(frozen=True, slots=True)
class _Entry:
    version: int
    born: int  # version of its creation; 0: all readers may know it
    change: Change


class Journal:
    """The newest change of each affiliate, in order of these changes.

    Size: at most 1024 living affiliates; deletions of those that a reader who has not
    read of it may know, which is at most 1024 for each position where readers sleep;
    as many again, or 64, that will be dropped when the journal is next looked through.
    """

    __slots__ = ("_deletions", "_deletions_look", "_entry_by_id", "version")

    def __init__(self) -> None:
        self.version = 0
        self._entry_by_id: dict[str, _Entry] = {}
        self._deletions = 0
        self._deletions_look = DELETIONS_SPARE

    def __len__(self) -> int:
        return len(self._entry_by_id)

    def add(self, change: Change) -> None:
        """Write down a change; it replaces the one before of the same affiliate.

        Cost: O(1).
        """
        self.version += 1
        before = self._entry_by_id.pop(change.affiliate_id, None)
        born = before.born if before else self.version if change.created else 0
        self._count(before, -1)
        # at the end, where the newest is
        entry = self._entry_by_id[change.affiliate_id] = _Entry(
            self.version, born, change
        )
        self._count(entry, 1)

    def read(self, version: int, bytes_max: int) -> Portion:
        """Return what changed since a version, or the beginning of it.

        What came and went since is left out.

        Args:
            version: where the reader is.
            bytes_max: ends the portion, but not before its first change.

        Cost: O(n) in changes since.
        """
        entries = reversed(self._entry_by_id.values())
        newest_first = list(takewhile(lambda entry: entry.version > version, entries))
        changes: list[Change] = []
        reached = version
        for entry in reversed(newest_first):
            if entry.change.affiliate is not None or entry.born <= version:
                bytes_max -= entry.change.size_bytes
                if changes and bytes_max < 0:
                    return Portion(tuple(changes), reached)
                changes.append(entry.change)
            reached = entry.version
        return Portion(tuple(changes), self.version)

    def count_since(self, version: int) -> int:
        """How many affiliates changed since. Cost: O(n) in them."""
        entries = reversed(self._entry_by_id.values())
        return sum(1 for _ in takewhile(lambda entry: entry.version > version, entries))

    def drop_read(self, version: int) -> None:
        """Drop what every reader has read: all changes up to a version.

        Cost: O(n) in what is dropped.
        """
        entries = self._entry_by_id.values()
        self._drop(list(takewhile(lambda entry: entry.version <= version, entries)))

    @property
    def is_crowded(self) -> bool:
        """Whether so many deletions are kept that ``drop_unneeded`` is due."""
        return self._deletions > self._deletions_look

    def drop_unneeded(self, positions: Sequence[int]) -> None:
        """Drop the deletions of affiliates that no reader has ever heard of.

        Args:
            positions: the versions readers are at, ascending.

        Cost: O(n) in what is kept; called only when crowded, O(1) for each deletion.
        """
        entries = self._entry_by_id.values()
        deletions = [entry for entry in entries if entry.change.affiliate is None]
        self._drop([entry for entry in deletions if not _is_needed(entry, positions)])
        self._deletions_look = max(DELETIONS_SPARE, 2 * self._deletions)

    def _drop(self, entries: list[_Entry]) -> None:
        for entry in entries:
            del self._entry_by_id[entry.change.affiliate_id]
            self._count(entry, -1)

    def _count(self, entry: _Entry | None, step: int) -> None:
        if entry is not None and entry.change.affiliate is None:
            self._deletions += step


def _is_needed(deletion: _Entry, positions: Sequence[int]) -> bool:
    """Whether a reader stands between an affiliate's creation and its deletion."""
    created = bisect_left(positions, deletion.born)
    return created < bisect_left(positions, deletion.version)
