"""One round on one server: join, refresh, burst, churn.

Every phase is measured from before its first call until nothing has arrived at any
watcher for a while; so work a server puts off is counted too.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from bench.discovery.frames import Call
from bench.discovery.load import Load
from bench.discovery.outcome import Outcome, outcome_from_phase
from bench.discovery.process_usage import forget_peak, usage
from bench.discovery.receivers import Receivers, receiving
from bench.discovery.target import Target
from bench.discovery.updates import Updater, updating

LIMIT_S: Final = 60.0

Calls = list[tuple[int, Call]]


@dataclass(frozen=True, slots=True)
class Phase:
    """One phase.

    Attributes:
        name: for the table.
        calls: makes its calls.
        paced: at the rate of the shape, or as fast as the server answers.
    """

    name: str
    calls: Callable[[Load], Calls]
    paced: bool


PHASES: Final = (
    Phase("join", Load.join, paced=True),
    Phase("refresh", Load.refresh, paced=True),
    Phase("burst", Load.burst, paced=False),
    Phase("churn", Load.churn, paced=True),
)


def measure_round(
    target: Target,
    load: Load,
    processes: int,
    quiet_s: float,
    say: Callable[[str], None],
) -> list[Outcome]:
    """Return one outcome per phase.

    Args:
        target: the server; it has not seen this load's clusters.
        load: what to send.
        processes: how many processes receive.
        quiet_s: a phase is over when nothing has arrived for so long.
        say: told of progress.

    Raises:
        UpdateError: the server answers no updates.
        ReceiverError: it answers no watches.
        OSError: it cannot be connected to, or its process is gone.
    """
    outcomes = []
    with receiving(processes) as receivers, updating(target.address) as updater:
        bench = _Bench(target, load, receivers, updater, quiet_s)
        for phase in PHASES:
            outcome = bench.run(phase)
            outcomes.append(outcome)
            say(f"{phase.name}: {outcome.in_brief()}")
    with updating(target.address) as updater:
        updater.send(load.delete(), None)
    return outcomes


@dataclass(slots=True)
class _Bench:
    target: Target
    load: Load
    receivers: Receivers
    updater: Updater
    quiet_s: float
    is_open: bool = False

    def run(self, phase: Phase) -> Outcome:
        calls = phase.calls(self.load)
        forget_peak(self.target.pid)
        before, beside_before_s = usage(self.target.pid), self._beside_s()
        watcher_bytes = self._open_watches()
        rate_per_s = self.load.shape.rate_per_s if phase.paced else None
        began_s, began_cpu_s = time.monotonic(), time.process_time()
        sent = self.updater.send(calls, rate_per_s)
        took_s = time.monotonic() - began_s
        sending_cpu_s = time.process_time() - began_cpu_s
        self.receivers.settle(self.quiet_s, LIMIT_S)
        after, beside_s = usage(self.target.pid), self._beside_s()
        reported = self.receivers.report(self.load.newest, sent.sent_s)
        return outcome_from_phase(
            phase.name,
            reported,
            sent,
            {
                "cpu_s": after.cpu_s - before.cpu_s,
                "beside_cpu_s": beside_s - beside_before_s,
                "load_cpu_s": reported.cpu_s + sending_cpu_s,
                "took_s": took_s,
                "peak_rss_bytes": after.peak_rss_bytes,
                "watcher_rss_bytes": watcher_bytes,
            },
        )

    def _open_watches(self) -> float:
        """Open them if they are not; return resident bytes each costs, or 0."""
        if self.is_open:
            return 0.0
        self.is_open = True
        cluster_ids = self.load.watches()
        before_bytes = usage(self.target.pid).rss_bytes
        self.receivers.open(
            self.target.address,
            cluster_ids,
            self.load.shape.affiliates,
            self.load.metadata_of_watches(),
        )
        after_bytes = usage(self.target.pid).rss_bytes
        return (after_bytes - before_bytes) / len(cluster_ids)

    def _beside_s(self) -> float:
        return sum(usage(pid).cpu_s for pid in self.target.beside_pids)
