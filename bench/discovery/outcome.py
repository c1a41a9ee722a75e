"""What one phase of one round cost and brought, and the median of rounds; pure."""

import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from math import ceil, inf
from typing import TYPE_CHECKING

from bench.discovery.commands import Reported
from bench.discovery.updates import Sent

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Outcome:
    """One phase of one round.

    Attributes:
        phase: its name.
        cpu_s: user and system time of the server.
        beside_cpu_s: of what it cannot do without.
        load_cpu_s: of sending and receiving, that is, of this benchmark.
        took_s: from the first update until the last was answered.
        refused: updates with another status than OK.
        messages: at all watchers, without snapshots.
        affiliates: in these messages.
        snapshots: of watches opened or opened again.
        broken: watches the server ended.
        incomplete: watchers that did not learn everything.
        known_p50_ms: from the last update sent until a watcher knew everything; median
            of watchers, ``inf`` if it never did.
        known_p99_ms: likewise, of the slowest hundredth.
        known_max_ms: likewise, of the slowest.
        delay_p50_ms: from an update sent until a watcher had it; median of both.
        delay_p99_ms: likewise.
        delay_max_ms: likewise.
        answer_p99_ms: from an update sent until it was answered.
        peak_rss_bytes: of the server in this phase.
        watcher_rss_bytes: what one open watch costs it; 0 where none was opened.
        statuses: how watches ended, in words; may be empty.
    """

    phase: str
    cpu_s: float
    beside_cpu_s: float
    load_cpu_s: float
    took_s: float
    refused: int
    messages: int
    affiliates: int
    snapshots: int
    broken: int
    incomplete: int
    known_p50_ms: float
    known_p99_ms: float
    known_max_ms: float
    delay_p50_ms: float
    delay_p99_ms: float
    delay_max_ms: float
    answer_p99_ms: float
    peak_rss_bytes: float
    watcher_rss_bytes: float
    statuses: str

    def in_brief(self) -> str:
        """One line for whoever waits."""
        ended = f" ({self.statuses})" if self.statuses else ""
        return (
            f"{self.cpu_s:.2f} CPU s (the load itself {self.load_cpu_s:.2f}),"
            f" {self.messages:,} messages, {self.broken} watches"
            f" broken{ended}, all know after {self.known_max_ms:.0f} ms,"
            f" peak {self.peak_rss_bytes / MIB:.0f} MiB"
            + (f", {self.refused} updates refused" if self.refused else "")
        )


@dataclass(frozen=True, slots=True)
class Spread:
    """One number over all rounds."""

    median: float
    least: float
    most: float


def outcome_from_phase(
    phase: str,
    reported: Reported,
    sent: Sent,
    used: Mapping[str, float],
) -> Outcome:
    """Return the outcome of a phase.

    Args:
        phase: its name.
        reported: by the watchers.
        sent: what became of the updates.
        used: the fields of ``Outcome`` that were measured at the server.
    """
    heard = reported.heard
    last_s = max(sent.sent_s.values())
    known_ms = [max(at_s - last_s, 0.0) * 1000 for at_s in heard.complete_s]
    delays_ms = [delay_s * 1000 for delay_s in heard.delays_s]
    return Outcome(
        phase=phase,
        refused=sum(sent.refused.values()),
        messages=heard.messages,
        affiliates=heard.affiliates,
        snapshots=heard.snapshots,
        broken=sum(reported.broken.values()),
        incomplete=sum(at_ms == inf for at_ms in known_ms),
        known_p50_ms=percentile(known_ms, 50),
        known_p99_ms=percentile(known_ms, 99),
        known_max_ms=percentile(known_ms, 100),
        delay_p50_ms=percentile(delays_ms, 50),
        delay_p99_ms=percentile(delays_ms, 99),
        delay_max_ms=percentile(delays_ms, 100),
        answer_p99_ms=percentile([at_s * 1000 for at_s in sent.answers_s], 99),
        statuses=_statuses(reported.broken),
        **used,
    )


def percentile(values: Iterable[float], percent: float) -> float:
    """Return the value so many percent of the values do not exceed; 0 of none."""
    ordered = sorted(values)
    if not ordered:
        return 0.0
    return ordered[max(ceil(len(ordered) * percent / 100), 1) - 1]


def spread(rounds: Sequence[Outcome], number: Callable[[Outcome], float]) -> Spread:
    """Return median, least and most of a number over rounds; at least one round."""
    values = [number(outcome) for outcome in rounds]
    return Spread(statistics.median_low(values), min(values), max(values))


def numbers_of(measured: "DataclassInstance") -> dict[str, object]:
    """Return all fields by name; what is infinite as None, which JSON can say."""
    return {
        name: None if value == inf else value
        for name, value in asdict(measured).items()
    }


def _statuses(broken: Mapping[str, int]) -> str:
    counts = sorted(broken.items(), key=lambda item: -item[1])
    return ", ".join(f"{count} {status}" for status, count in counts)
