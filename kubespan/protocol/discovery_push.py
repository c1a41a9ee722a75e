"""When our own affiliate must be pushed, and what exactly: updates or a deletion."""

from dataclasses import dataclass
from math import inf

from kubespan.protocol.discovery_records import Update


@dataclass(frozen=True, slots=True)
class Push:
    """Send these one after another, within one deadline."""

    updates: tuple[Update, ...]
    timeout_s: float


@dataclass(frozen=True, slots=True)
class Delete:
    """Remove our own affiliate."""

    timeout_s: float


PUSH_TIMEOUT_S = 30.0
RESTORE_DELAY_S = 1.0
"""Before we put back our own affiliate that somebody else removed or replaced.

Shorter than others wait before they believe a deletion (``LIST_DELAY_S``).
"""
RESTORE_DOUBLINGS_MAX = 6


class PushSchedule:
    """Told of changes, pushes and connections; knows what to send when.

    The same bytes are sent again at half the TTL. A deletion, once asked for, is
    repeated instead until there is something new to announce.

    Args:
        ttl_s: how long a service keeps what was pushed.

    Attributes:
        deleted: our deletion was accepted and nothing was pushed since.

    Source:
        kubespan.md section 3.6; discovery.md section 5.5.
    """

    def __init__(self, ttl_s: float) -> None:
        self._ttl_s = ttl_s
        self._updates: tuple[Update, ...] = ()
        self._deleting = False
        self._under_way: Push | Delete | None = None
        self._due_s = inf
        self._replaced = 0
        self.deleted = False

    @property
    def due_s(self) -> float:
        """Monotonic instant of the next push; ``inf`` while one is under way."""
        return inf if self._under_way or not self._has_something else self._due_s

    @property
    def has_something(self) -> bool:
        """Whether there is anything to push or delete."""
        return self._has_something

    def changed(self, updates: tuple[Update, ...], now_s: float) -> None:
        """Note new content: due at once; empty means there is nothing to say."""
        self._updates = updates
        self._deleting = self._deleting and not updates
        self.deleted = self.deleted and not updates
        self._due_s = now_s

    def delete_requested(self, now_s: float) -> None:
        """Note that we are leaving for good."""
        self._deleting = True
        self._due_s = now_s

    def removed_by_others(self, now_s: float) -> None:
        """Note that somebody removed our record: put it back, but in no hurry."""
        if not self._deleting:
            self._due_s = min(self._due_s, now_s + RESTORE_DELAY_S)

    def replaced_by_others(self, now_s: float) -> None:
        """Note that somebody put another record in place of ours.

        Put back ever more slowly: two hosts with one node ID would do so for ever.
        """
        if not self._deleting:
            delay_s = RESTORE_DELAY_S * 2 ** min(self._replaced, RESTORE_DOUBLINGS_MAX)
            self._replaced += 1
            self._due_s = min(self._due_s, now_s + delay_s)

    def connected(self, now_s: float) -> None:
        """Note a new connection: whatever was under way is not; all is due."""
        self._under_way = None
        self._replaced = 0
        self._due_s = now_s

    def take(self, now_s: float) -> Push | Delete | None:
        """Return what is due now, once."""
        if now_s < self.due_s:
            return None
        if self._deleting:
            self._under_way = Delete(PUSH_TIMEOUT_S)
        else:
            self._under_way = Push(self._updates, PUSH_TIMEOUT_S)
        self._due_s = inf
        return self._under_way

    def pushed(self, now_s: float) -> None:
        """Note a success; what changed meanwhile is still due."""
        if isinstance(self._under_way, Delete):
            self.deleted = self._deleting
        self._under_way = None
        self._due_s = min(self._due_s, now_s + self._ttl_s / 2)

    def refused(self, now_s: float, delay_s: float) -> None:
        """Note that the service did not accept it: again after a while."""
        self._under_way = None
        self._due_s = min(self._due_s, now_s + delay_s)

    @property
    def _has_something(self) -> bool:
        return self._deleting or bool(self._updates)
