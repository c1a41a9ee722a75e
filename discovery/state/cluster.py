"""The affiliates of one cluster; every change is returned as a value."""

from dataclasses import dataclass

from discovery.state.affiliate import (
    Affiliate,
    Submission,
    merge_submission,
    says_the_same,
    sweep_affiliate,
)
from discovery.state.limits import AFFILIATES_MAX, LimitExceeded


@dataclass(frozen=True, slots=True)
class Change:
    """What watchers of a cluster must be told.

    Attributes:
        affiliate_id: who changed.
        affiliate: the whole record as it is now; None if it is gone.
        created: true if it did not exist just before.
    """

    affiliate_id: str
    affiliate: Affiliate | None
    created: bool = False

    @property
    def size_bytes(self) -> int:
        """No fewer than a message that tells it has; a few more at most."""
        told = self.affiliate.size_bytes if self.affiliate else 0
        return len(self.affiliate_id.encode()) + _OVERHEAD_BYTES + told


@dataclass(slots=True)
class Tally:
    """How many affiliates and endpoints some clusters hold together."""

    affiliates: int = 0
    endpoints: int = 0

    def add(self, affiliate: Affiliate | None, step: int) -> None:
        """Count an affiliate that came (1) or went (-1); None is nobody."""
        if affiliate is not None:
            self.affiliates += step
            self.endpoints += step * len(affiliate.endpoints)


_NEVER_NS = 1 << 100
_OVERHEAD_BYTES = 16  # tags and lengths of a message, all but those of endpoints


class Cluster:
    """Affiliates by ID, at most 1024; records stay until a sweep removes them.

    Expired records are served until then: clients publish with no lifetime at all and
    expect to read it back (discovery.md 2.4).

    Args:
        tally: kept in step with what is held here, and perhaps elsewhere.
    """

    __slots__ = ("_affiliate_by_id", "_due_ns", "_tally")

    def __init__(self, tally: Tally | None = None) -> None:
        self._tally = tally or Tally()
        self._affiliate_by_id: dict[str, Affiliate] = {}
        self._due_ns = _NEVER_NS  # no sweep before this instant can remove anything

    def __len__(self) -> int:
        return len(self._affiliate_by_id)

    @property
    def affiliates(self) -> tuple[Affiliate, ...]:
        """Every record, in order of creation."""
        return tuple(self._affiliate_by_id.values())

    def update(self, submission: Submission, now_ns: int) -> Change | None:
        """Merge a submission; None if no watcher could see a difference.

        Saying again what is stored extends its life and is not announced.

        Raises:
            LimitExceeded: one affiliate or one endpoint too many; nothing changed.

        Source:
            discovery.md 2.3; suppressed echo: section 10 line 41.
        """
        self.require_room(submission.affiliate_id)
        before = self._affiliate_by_id.get(submission.affiliate_id)
        return self.put(merge_submission(before, submission, now_ns))

    def require_room(self, affiliate_id: str) -> None:
        """Raise ``LimitExceeded`` unless this affiliate exists or could be made."""
        if affiliate_id not in self._affiliate_by_id and len(self) >= AFFILIATES_MAX:
            raise LimitExceeded(f"a cluster has at most {AFFILIATES_MAX} affiliates")

    def put(self, after: Affiliate) -> Change | None:
        """Store a record as it is; None if no watcher could see a difference."""
        before = self._affiliate_by_id.get(after.id)
        self._replace(after.id, after)
        self._due_ns = min(self._due_ns, after.due_ns)
        if before is not None and says_the_same(before, after):
            return None
        return Change(after.id, after, created=before is None)

    def get(self, affiliate_id: str) -> Affiliate | None:
        """Return one record; None if there is none."""
        return self._affiliate_by_id.get(affiliate_id)

    def delete(self, affiliate_id: str) -> Change | None:
        """Remove a record; None if there was none."""
        if affiliate_id not in self._affiliate_by_id:
            return None
        self._replace(affiliate_id, None)
        return Change(affiliate_id, None)

    def sweep(self, now_ns: int) -> tuple[Change, ...]:
        """Remove what has run out: records as deletions, endpoints as updates.

        Cost: O(1) if nothing is due, else O(n) in affiliates and endpoints.

        Source:
            discovery.md 2.4, without the deletion for an expired endpoint.
        """
        if now_ns < self._due_ns:
            return ()
        changes = []
        for before in self.affiliates:
            after = sweep_affiliate(before, now_ns)
            if after is not before:
                self._replace(before.id, after)
                changes.append(Change(before.id, after))
        dues = (a.due_ns for a in self._affiliate_by_id.values())
        self._due_ns = min(dues, default=_NEVER_NS)
        return tuple(changes)

    def _replace(self, affiliate_id: str, after: Affiliate | None) -> None:
        self._tally.add(self._affiliate_by_id.get(affiliate_id), -1)
        self._tally.add(after, 1)
        if after is None:
            del self._affiliate_by_id[affiliate_id]
        else:
            self._affiliate_by_id[affiliate_id] = after
