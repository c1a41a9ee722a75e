"""Wakes the controllers that must run; a failing one waits and tries again."""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from kubespan.engine.backoff import growing_delays_s
from kubespan.engine.controller import Controller, Memo, View
from kubespan.engine.graph import order_controllers
from kubespan.engine.resource import Kind, Notice, Resource
from kubespan.engine.store import Store

log = logging.getLogger(__name__)


class Clock(Protocol):
    """The two clocks of a host."""

    def now_s(self) -> float:
        """Return monotonic seconds."""
        ...

    def now_ns(self) -> int:
        """Return the wall clock in nanoseconds."""
        ...


@dataclass(slots=True)
class _Run:
    """What is remembered of one controller between rounds."""

    seen: tuple[int, ...] = ()
    memo: Memo = field(default_factory=Memo)
    notices: dict[str, str] = field(default_factory=dict)
    delays_s: "Iterable[float]" = field(default_factory=growing_delays_s)
    retry_s: float | None = None


class Scheduler:
    """Runs controllers in order, only those whose inputs changed.

    Args:
        store: where inputs are read and outputs go.
        controllers: any order; every output has one writer and there is no cycle.
        clock: read once per controller run, when its view is made.
    """

    def __init__(
        self, store: Store, controllers: Sequence[Controller], clock: Clock
    ) -> None:
        self._store = store
        self._clock = clock
        self._runs = {row.name: _Run() for row in controllers}
        self._ordered = order_controllers(controllers)
        for controller in controllers:
            store.declare(controller.writes, controller.name)

    @property
    def retry_s(self) -> float | None:
        """Monotonic instant at which a failed controller wants to run again."""
        due = [run.retry_s for run in self._runs.values() if run.retry_s is not None]
        return min(due, default=None)

    def settle(self) -> int:
        """Run every controller whose inputs changed, once; return how many ran.

        One pass is enough: each runs after those whose output it reads.
        """
        return sum(self._run_if_due(controller) for controller in self._ordered)

    def _run_if_due(self, controller: Controller) -> bool:
        run = self._runs[controller.name]
        if not all(map(self._store.is_decided, controller.inputs)):
            return False
        seen = tuple(map(self._store.generation, controller.inputs))
        retry = run.retry_s is not None and self._clock.now_s() >= run.retry_s
        if seen == run.seen and not retry:
            return False
        run.seen = seen
        self._reconcile(controller, run)
        return True

    def _reconcile(self, controller: Controller, run: _Run) -> None:
        now_s, now_ns = self._clock.now_s(), self._clock.now_ns()
        run.memo.turn()
        view = View(self._store, controller.reads, now_s, now_ns, run.memo)
        try:
            output = controller.reconcile(view)
            desired = None if output is None else tuple(output)
        except Exception as error:  # noqa: BLE001 - the one place where a bug in a decision must not end the mesh
            self._failed(controller.name, run, error, now_s)
            return
        run.retry_s = None
        run.delays_s = growing_delays_s()
        self._tell(controller.name, run, view.notices, now_ns)
        if desired is not None:
            self._write(controller.writes, controller.name, desired, now_ns)

    def _write(
        self, kind: Kind, owner: str, desired: tuple[Resource, ...], now_ns: int
    ) -> None:
        self._store.replace(kind, owner, desired, now_ns)

    def _failed(self, name: str, run: _Run, error: Exception, now_s: float) -> None:
        """Keep the last good output and try again later."""
        delay_s = next(iter(run.delays_s))
        if run.retry_s is None:
            log.error(
                "controller %s failed; keeping its last output", name, exc_info=error
            )
        run.retry_s = now_s + delay_s
        notices = {"failed": f"{type(error).__name__}: {error}"}
        self._tell(name, run, notices, self._clock.now_ns())

    def _tell(self, name: str, run: _Run, notices: dict[str, str], now_ns: int) -> None:
        """Log what is new and store all of it."""
        if notices == run.notices:
            return
        for subject, text in notices.items():
            if run.notices.get(subject) != text:
                log.warning("%s: %s", name, text)
        run.notices = notices
        said = [Notice(name, subject, text) for subject, text in notices.items()]
        self._store.replace(Notice, name, said, now_ns)
