"""A whole run: every shape, every round, every server in turn."""

import os
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final

from bench.discovery.command_line import Plan
from bench.discovery.idle import Idle, measure_idle
from bench.discovery.load import Load
from bench.discovery.phases import measure_round
from bench.discovery.receivers import ReceiverError
from bench.discovery.servers import SERVERS, LeftOut, missing
from bench.discovery.shape import Shape
from bench.discovery.table import Rounds
from bench.discovery.target import Target
from bench.discovery.updates import UpdateError

PAUSE_S: Final = 1.0
FAILURES: Final = (LeftOut, UpdateError, ReceiverError, OSError)

Start = Callable[[], AbstractContextManager[Target]]


@dataclass(slots=True)
class Results:
    """What was measured.

    Attributes:
        rounds: by shape.
        idle: by name of server, in the order asked for.
        left_out: why a server is missing or lacks rounds, by name.
    """

    rounds: dict[Shape, Rounds] = field(default_factory=dict)
    idle: dict[str, list[Idle]] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)


class Campaign:
    """Measures what a plan says; tells of its progress on standard error.

    Args:
        plan: what to measure.
        directory: empty; for logs and data of servers.
    """

    def __init__(self, plan: Plan, directory: Path) -> None:
        self._plan = plan
        self._directory = directory
        self._results = Results()
        self._runs = 0
        self._starts: dict[str, Start] = {}

    def run(self) -> Results:
        """Measure everything, or what there is time for until an interrupt (SIGINT).

        A server that fails is left out from there on.
        """
        self._starts = self._prepare()
        try:
            self._measure_all()
        except KeyboardInterrupt:
            self._leave_out("the rest", "interrupted")
        return self._results

    def _measure_all(self) -> None:
        for shape in self._plan.shapes:
            for number in range(self._plan.rounds):
                for name in _rotated(list(self._starts), number):
                    say(f"{shape}: {name}, round {number + 1}")
                    self._attempt(name, shape)
        for watchers in self._plan.idle:
            for name in list(self._starts):
                say(f"{watchers:,} idle watchers: {name}")
                self._attempt(name, watchers)

    def _prepare(self) -> dict[str, Start]:
        if self._plan.targets:
            return {target.name: _running(target) for target in self._plan.targets}
        starts: dict[str, Start] = {}
        for name in self._plan.servers:
            if why := missing(name):
                self._leave_out(name, why)
            else:
                starts[name] = partial(self._started, name)
        return starts

    def _started(self, name: str) -> AbstractContextManager[Target]:
        directory = self._directory / f"run-{self._runs}"
        directory.mkdir()
        return SERVERS[name](directory, self._plan.flags)

    def _attempt(self, name: str, what: Shape | int) -> None:
        self._runs += 1
        time.sleep(PAUSE_S)
        try:
            with self._starts[name]() as target:
                if isinstance(what, Shape):
                    self._measure_round(what, target)
                else:
                    self._measure_idle(what, target)
        except FAILURES as error:
            self._leave_out(name, str(error) or type(error).__name__)
            self._starts.pop(name)

    def _measure_round(self, shape: Shape, target: Target) -> None:
        host, port = target.address
        load = Load(shape, self._run(), f"{host}:{port}", self._plan.spoofed)
        plan = self._plan
        outcomes = measure_round(target, load, plan.processes, plan.quiet_s, say)
        of_shape = self._results.rounds.setdefault(shape, {})
        of_shape.setdefault(target.name, []).append(outcomes)

    def _measure_idle(self, watchers: int, target: Target) -> None:
        idle = measure_idle(target, watchers, self._run(), self._plan.processes)
        say(f"{idle.watcher_rss_bytes / 1024:.1f} KiB each, {idle.opened_s:.1f} s")
        self._results.idle.setdefault(target.name, []).append(idle)

    def _run(self) -> str:
        """Name that no run before on the same server had."""
        return f"bench-{os.getpid()}-{time.time_ns()}-{self._runs}"

    def _leave_out(self, name: str, why: str) -> None:
        say(f"{name} is left out: {why}")
        self._results.left_out[name] = why


def _running(target: Target) -> Start:
    """Start nothing: the operator did."""
    return lambda: nullcontext(target)


def say(text: str) -> None:
    """Tell of progress."""
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)


def _rotated(names: list[str], by: int) -> list[str]:
    """The same names with another first, so that none always runs after another."""
    first = by % len(names) if names else 0
    return names[first:] + names[:first]
