"""One conversation with one discovery service: Hello, redirect, Watch, push, again.

::

             due                  answered
    WAITING ─────► GREETING ───────────────► OPEN: one watch, pushes, Lists
       ▲  ▲           │                       │
       │  └───────────┘                       │
       │   failed, or sent elsewhere          │
       └──────────────────────────────────────┘
          the watch ended, or a push found nobody

Every way back to WAITING closes the connection and waits a little longer than the last
time. Told what happened and when; what it wants done is in :meth:`commands`.

Source:
    kubespan.md section 3.6; discovery.md section 5.3. Not copied: the stall after a
    failed push, redirects that can never be left.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from math import inf
from typing import Final, TypeAlias

from kubespan.protocol.backoff import Backoff
from kubespan.protocol.discovery_own import OwnRecord
from kubespan.protocol.discovery_push import Delete, Push, PushSchedule
from kubespan.protocol.discovery_records import OpenedRecord, Update, WatchMessage
from kubespan.protocol.discovery_roster import DiscoveryRoster
from kubespan.protocol.redirect import RedirectTrail, is_target

HELLO_TIMEOUT_S: Final = 10.0
LIST_TIMEOUT_S: Final = 30.0
LIST_DELAY_S: Final = 3.0
"""Time for the owner of a record that a stranger deleted to put it back; and so that a
sweep which deletes many is questioned once."""
LIST_DELAY_MAX_S: Final = 12.0
"""However many deletions follow one another."""


@dataclass(frozen=True, slots=True)
class Hello:
    """Connect to ``endpoint`` and greet."""

    endpoint: str
    timeout_s: float = HELLO_TIMEOUT_S


@dataclass(frozen=True, slots=True)
class OpenWatch:
    """Start to watch, without a deadline."""


@dataclass(frozen=True, slots=True)
class ListAll:
    """Ask for everything, to confirm deletions."""

    timeout_s: float = LIST_TIMEOUT_S


@dataclass(frozen=True, slots=True)
class Disconnect:
    """Drop the connection with every call on it; their results mean nothing now."""


Call: TypeAlias = Hello | OpenWatch | ListAll | Push | Delete
Command: TypeAlias = Call | Disconnect


class _Phase(Enum):
    WAITING = auto()
    GREETING = auto()
    OPEN = auto()


class DiscoverySession:
    """The machine; see the module for its states.

    Args:
        endpoint: ``host:port`` as configured.
        node_id: ours.
        ttl_s: how long the service keeps what was pushed.
        jitter: returns a number within 0.0 <= x < 1.0.
        now_s: monotonic; the first Hello follows 0.25 to 0.75 s later.

    Attributes:
        roster: who the service lists.
        synced: a snapshot arrived since this session exists.
        connected: the watch that is open now delivered its snapshot.
        last_push_ns: wall clock of the last accepted push; 0 if there was none.
    """

    def __init__(
        self,
        endpoint: str,
        node_id: str,
        ttl_s: float,
        jitter: Callable[[], float],
        now_s: float,
    ) -> None:
        self._node_id = node_id
        self._trail = RedirectTrail(endpoint)
        self._backoff = Backoff(jitter)
        self._schedule = PushSchedule(ttl_s)
        self._phase = _Phase.WAITING
        self._attempt_s = now_s + self._backoff.next_s()
        self._list_s = inf
        self._doubted_s = inf
        self._listing = False
        self._own = OwnRecord(node_id, ttl_s)
        self._commands: list[Command] = []
        self._pushed = False
        self._errors = {"connection": "", "redirect": "", "push": ""}
        self.roster = DiscoveryRoster(node_id)
        self.synced = False
        self.connected = False
        self.last_push_ns = 0

    @property
    def endpoint(self) -> str:
        """``host:port`` in use, after redirects."""
        return self._trail.endpoint

    @property
    def error(self) -> str:
        """What went wrong last and has not gone right since; empty if nothing."""
        return next(filter(None, self._errors.values()), "")

    def is_id_shared(self, now_s: float) -> bool:
        """Tell whether somebody else lately published under our node ID."""
        return self._own.is_shared(now_s)

    @property
    def deleted(self) -> bool:
        """Whether the service accepted the deletion of our affiliate."""
        return self._schedule.deleted

    @property
    def next_attempt_s(self) -> float | None:
        """Monotonic instant of the next Hello; None unless waiting for it."""
        return self._attempt_s if self._phase is _Phase.WAITING else None

    @property
    def due_s(self) -> float:
        """Monotonic instant at which :meth:`woke` must be told; may be ``inf``."""
        if self._phase is _Phase.WAITING:
            return self._attempt_s
        if self._phase is _Phase.GREETING:
            return inf
        return min(self._schedule.due_s, self._list_s)

    def commands(self) -> tuple[Command, ...]:
        """Return what is to be done now, in order, once."""
        commands, self._commands = tuple(self._commands), []
        return commands

    def woke(self, now_s: float) -> None:
        """Note that time passed."""
        self._act(now_s)

    def hello_answered(self, redirect: str, now_s: float) -> None:
        """Note the answer; ``redirect`` is empty if we may stay."""
        if self._phase is not _Phase.GREETING:
            return
        usable = is_target(redirect)
        self._errors["redirect"] = (
            f"redirected to {redirect[:80]!r}, which is not host:port; staying"
            if redirect and not usable
            else ""
        )
        if usable and redirect != self.endpoint:
            self._errors["connection"] = self._trail.follow(redirect)
            self._retreat(now_s)
            return
        self._phase = _Phase.OPEN
        self._pushed = False
        self._schedule.connected(now_s)
        self._commands.append(OpenWatch())
        self._act(now_s)

    def hello_failed(self, reason: str, now_s: float) -> None:
        """Note that nobody answered, or not as a discovery service would."""
        if self._phase is _Phase.GREETING:
            self._fail(reason, now_s)

    def watch_message(self, message: WatchMessage, now_s: float, now_ns: int) -> None:
        """Note a message; the first of each watch is the snapshot."""
        if self._phase is not _Phase.OPEN:
            return
        self.roster.skipped += message.unreadable
        records = () if message.deleted else message.records
        if not self.connected:
            self._snapshot_arrived(records, now_ns)
        else:
            self.roster.updated(records)
            if self._own.replaced_in(records, now_s):
                self._schedule.replaced_by_others(now_s)
        if message.deleted:
            self._deletion_announced(message, now_s)
        self._act(now_s)

    def watch_ended(self, reason: str, now_s: float) -> None:
        """Note that the watch is over, whoever ended it."""
        if self._phase is _Phase.OPEN:
            self._fail(reason, now_s)

    def list_answered(self, records: tuple[OpenedRecord, ...], now_s: float) -> None:
        """Note what the service really has."""
        self._listing = False
        self.roster.listed(records)
        self._doubts_arose(now_s)

    def list_failed(self, now_s: float) -> None:
        """Note that the service did not say what it has: ask again later."""
        self._listing = False
        self.roster.list_failed()
        if self.roster.doubts:
            self._list_s = now_s + self._backoff.next_s()

    def local_changed(self, updates: tuple[Update, ...], now_s: float) -> None:
        """Note what is to be announced from now on, ours first; may be empty."""
        self._own.published(updates)
        self._schedule.changed(updates, now_s)
        self._errors["push"] = ""
        self._act(now_s)

    def delete_requested(self, now_s: float) -> None:
        """Note that we are leaving for good."""
        self._schedule.delete_requested(now_s)
        self._act(now_s)

    def pushed(self, now_s: float, now_ns: int, problem: str = "") -> None:
        """Note that the push or deletion under way was accepted.

        Args:
            now_s: monotonic.
            now_ns: wall clock.
            problem: what was refused of the others' endpoints; empty if nothing.
        """
        if self._phase is not _Phase.OPEN:
            return
        self._schedule.pushed(now_s)
        self.last_push_ns = now_ns
        self._errors["push"] = problem
        self._pushed = True
        self._settle()
        self._act(now_s)

    def push_refused(self, reason: str, now_s: float) -> None:
        """Note that the service answered no: the watch is good, try again later."""
        if self._phase is _Phase.OPEN:
            self._errors["push"] = reason
            self._schedule.refused(now_s, self._backoff.next_s())

    def push_failed(self, reason: str, now_s: float) -> None:
        """Note that a push got no answer: connect anew, at once but for the backoff."""
        if self._phase is _Phase.OPEN:
            self._fail(reason, now_s)

    def _snapshot_arrived(self, records: tuple[OpenedRecord, ...], now_ns: int) -> None:
        self.roster.snapshot_arrived(records, now_ns)
        self.synced = self.connected = True
        self._errors["connection"] = ""
        self._trail.arrived()
        self._settle()

    def _deletion_announced(self, message: WatchMessage, now_s: float) -> None:
        affiliate_ids = [record.sealed.affiliate_id for record in message.records]
        self.roster.deleted(affiliate_ids)
        if self._node_id in affiliate_ids:
            self._schedule.removed_by_others(now_s)
        self._doubts_arose(now_s)

    def _doubts_arose(self, now_s: float) -> None:
        if self.roster.doubts and not self._listing:
            self._doubted_s = min(self._doubted_s, now_s)
            latest_s = self._doubted_s + LIST_DELAY_MAX_S
            self._list_s = min(now_s + LIST_DELAY_S, latest_s)

    def _settle(self) -> None:
        """Forget past failures once both directions work."""
        if self.connected and (self._pushed or not self._schedule.has_something):
            self._backoff.reset()

    def _fail(self, reason: str, now_s: float) -> None:
        self._errors["connection"] = reason
        self._trail.failed()
        self._retreat(now_s)

    def _retreat(self, now_s: float) -> None:
        self._phase = _Phase.WAITING
        self.connected = False
        self._listing = False
        self._list_s = self._doubted_s = inf
        self.roster.list_failed()
        self._attempt_s = now_s + self._backoff.next_s()
        self._commands.append(Disconnect())

    def _act(self, now_s: float) -> None:
        """Order what is due."""
        if self._phase is _Phase.WAITING and now_s >= self._attempt_s:
            self._phase = _Phase.GREETING
            self._commands.append(Hello(self.endpoint))
        if self._phase is not _Phase.OPEN:
            return
        if push := self._schedule.take(now_s):
            self._commands.append(push)
        if now_s >= self._list_s:
            self._list_s = self._doubted_s = inf
            self._listing = self.roster.ask()
            if self._listing:
                self._commands.append(ListAll())
