"""How long what was written lives after it was read again.

Upstream, the time between counts for nothing, so that a long outage never presents
clients with an empty cluster; but then nodes that died meanwhile live again as long as
they had left. Here that is bounded::

    written                           read
       ├────────── elapsed ────────────┤
       ├───────────── remaining ───────┼──────┤    lives on for the difference
       ├── remaining ───┤              ├─ grace ─┤ but not shorter than this,
       ├─┤                             ├─┤         nor longer than it had left

A clock that was stepped does no harm: back counts as nothing elapsed, forward leaves
the grace.

Source: discovery.md 4.3, 8 number 13.
"""

from dataclasses import dataclass
from typing import Self

from discovery.state.limits import TTL_NS_MAX


@dataclass(frozen=True, slots=True)
class Revival:
    """Turns what was left of a life into the instant it ends.

    Attributes:
        now_ns: monotonic.
        written_at_ns: wall clock; never later than now.
        elapsed_ns: since then, zero or more.
        grace_ns: how long a record lives at least, if it had that much left.
        remaining_ns_max: more than this is not believed.
    """

    now_ns: int
    written_at_ns: int
    elapsed_ns: int
    grace_ns: int
    remaining_ns_max: int = TTL_NS_MAX

    @classmethod
    def after(
        cls, written_at_ns: int, *, wall_ns: int, now_ns: int, grace_ns: int
    ) -> Self:
        """Return the revival, now, of what was written then."""
        written_at_ns = min(written_at_ns, wall_ns)
        return cls(now_ns, written_at_ns, wall_ns - written_at_ns, grace_ns)

    @classmethod
    def as_written(cls, written_at_ns: int) -> Self:
        """Return one that gives back what was left, whatever it was."""
        return cls(0, written_at_ns, 0, 0, remaining_ns_max=1 << 100)

    def expires_ns(self, remaining_ns: int) -> int:
        """Return when a record ends that had so much left when written."""
        remaining_ns = min(remaining_ns, self.remaining_ns_max)
        at_least_ns = min(remaining_ns, self.grace_ns)
        return self.now_ns + max(remaining_ns - self.elapsed_ns, at_least_ns)
