"""Runs the wiring: sources publish, controllers settle, sinks converge, feeds hear."""

import asyncio
import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from kubespan.engine.backoff import growing_delays_s
from kubespan.engine.controller import Controller, View
from kubespan.engine.edges import Feed, Sink, Source
from kubespan.engine.graph import refuse_shared_names
from kubespan.engine.resource import EdgeStatus, Kind, Notice, R
from kubespan.engine.scheduler import Clock, Scheduler
from kubespan.engine.store import Event, Store
from kubespan.engine.waiting import wait_at_most

log = logging.getLogger(__name__)

COALESCE_S = 0.01
"""A burst of changes within this time costs one round of the controllers."""

CALM_S = 0.1
"""How long a sink rests after it changed the host: its own change makes others hint."""

HASTE_S = 0.5
"""The shortest wait after a refusal, however many hints arrive meanwhile."""


STEADY_S = 60.0
"""A source that ran this long before it failed is not punished for failures before."""


@dataclass(frozen=True, slots=True)
class Wiring:
    """The tables: everything that runs, and what it touches."""

    sources: tuple[Source, ...]
    controllers: tuple[Controller, ...]
    sinks: tuple[Sink, ...]
    feeds: tuple[Feed, ...]
    retryable: type[Exception]


@dataclass(slots=True)
class _SinkRun:
    """What is remembered of one sink: its alarm, and whether the host is as desired."""

    sink: Sink
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    converged: asyncio.Event = field(default_factory=asyncio.Event)
    seen: tuple[int, ...] = ()


@dataclass(slots=True)
class _FeedRun:
    feed: Feed
    seen: tuple[int, ...] = ()


@dataclass(slots=True)
class _Failures:
    """Refusals in a row, and how long to wait after each."""

    attempts: int = 0
    delays_s: Iterator[float] = field(default_factory=growing_delays_s)

    def count(self) -> float:
        """Count one more; return how long to wait."""
        self.attempts += 1
        return next(self.delays_s)


class _SourcePublisher:
    """A source's own door into the store."""

    def __init__(
        self, name: str, store: Store, clock: Clock, spoke: Callable[[], None]
    ) -> None:
        self._name = name
        self._spoke = spoke
        self._store = store
        self._clock = clock
        self._notices: dict[str, str] = {}

    def replace(self, kind: type[R], values: Iterable[R]) -> None:
        """Make ``values`` all that this source says of ``kind``."""
        self._store.replace(kind, self._name, values, self._clock.now_ns())
        self._spoke()

    def patch(
        self, kind: type[R], put: Iterable[R] = (), remove: Iterable[str] = ()
    ) -> None:
        """Add, change and remove some."""
        now_ns = self._clock.now_ns()
        self._store.patch(kind, self._name, put, remove, now_ns=now_ns)
        self._spoke()

    def warn(self, subject: str, text: str) -> None:
        """Tell operators something; an empty text withdraws it."""
        if self._notices.get(subject, "") == text:
            return
        if text:
            log.warning("%s: %s", self._name, text)
            self._notices[subject] = text
        else:
            del self._notices[subject]
        said = [Notice(self._name, *item) for item in self._notices.items()]
        self._store.replace(Notice, self._name, said, self._clock.now_ns())


class Runtime:
    """One event loop's worth of movement.

    Args:
        wiring: the tables.
        store: filled by this runtime; others may watch it.
        clock: the host's clocks, or a test's.
    """

    def __init__(self, wiring: Wiring, store: Store, clock: Clock) -> None:
        refuse_shared_names(wiring.sources, wiring.sinks)
        self._wiring = wiring
        self._store = store
        self._clock = clock
        self._scheduler = Scheduler(store, wiring.controllers, clock)
        self._changed = asyncio.Event()
        self._sinks = {sink.name: _SinkRun(sink) for sink in wiring.sinks}
        self._feeds = [_FeedRun(feed) for feed in wiring.feeds]
        for source in wiring.sources:
            for kind in source.writes:
                store.declare(kind, source.name)

    def hint(self, sink: str) -> None:
        """Say that the host may no longer be as a sink left it: look again now."""
        self._sinks[sink].wake.set()

    async def run(self, stop: asyncio.Event) -> None:
        """Move until ``stop`` is set; a crash in one loop ends them all."""
        unwatch = self._store.watch(self._on_events)
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [
                    group.create_task(self._run_source(source), name=source.name)
                    for source in self._wiring.sources
                ]
                tasks += [
                    group.create_task(self._run_sink(run), name=name)
                    for name, run in self._sinks.items()
                ]
                tasks.append(group.create_task(self._settle_for_ever(), name="settle"))
                await stop.wait()
                for task in tasks:
                    task.cancel()
        finally:
            unwatch()

    def _on_events(self, _events: tuple[Event, ...]) -> None:
        self._changed.set()

    async def _settle_for_ever(self) -> None:
        """Run controllers after each burst of changes, then wake sinks and feeds."""
        while True:
            await self._wait_for_change()
            await asyncio.sleep(COALESCE_S)
            self._changed.clear()
            self._scheduler.settle()
            for sink_run in self._sinks.values():
                if (seen := self._news(sink_run.sink.reads, sink_run.seen)) is not None:
                    sink_run.seen = seen
                    sink_run.converged.clear()
                    sink_run.wake.set()
            for feed_run in self._feeds:
                if (seen := self._news(feed_run.feed.reads, feed_run.seen)) is not None:
                    feed_run.seen = seen
                    feed_run.feed.deliver(self._view(feed_run.feed.reads))

    async def _wait_for_change(self) -> None:
        due_s = self._scheduler.retry_s
        delay_s = None if due_s is None else max(0.0, due_s - self._clock.now_s())
        await wait_at_most(self._changed, delay_s)

    def _news(
        self, kinds: tuple[Kind, ...], seen: tuple[int, ...]
    ) -> tuple[int, ...] | None:
        """Return the kinds' generations if all are decided and one is new."""
        if not all(map(self._store.is_decided, kinds)):
            return None
        generations = tuple(map(self._store.generation, kinds))
        return generations if generations != seen else None

    def _view(self, kinds: tuple[Kind, ...]) -> View:
        return View(self._store, kinds, self._clock.now_s(), self._clock.now_ns())

    async def _run_source(self, source: Source) -> None:
        """Keep a source running; when the host refuses it, try again later."""
        failures = _Failures()

        def spoke() -> None:
            self._edge_status(EdgeStatus(source.name))

        publisher = _SourcePublisher(source.name, self._store, self._clock, spoke)
        while True:
            began_s = self._clock.now_s()
            try:
                await source.run(publisher)
            except self._wiring.retryable as error:
                if self._clock.now_s() - began_s > STEADY_S:
                    failures = _Failures()
                await self._pause(source.name, error, failures)
            else:
                return

    async def _run_sink(self, run: _SinkRun) -> None:
        """Converge whenever something is desired anew, hinted at, or long unseen."""
        while True:
            await wait_at_most(run.wake, run.sink.resync_s)
            if not run.seen:
                # nothing has been decided yet: wait for the decision, not the clock
                run.wake.clear()
                await run.wake.wait()
                continue
            for name in run.sink.after:
                await self._sinks[name].converged.wait()
            if await self._converge(run):
                await asyncio.sleep(CALM_S)

    async def _converge(self, run: _SinkRun) -> bool:
        """Make the host as desired; when refused, look again and retry.

        Returns:
            Whether anything had to be changed.
        """
        failures = _Failures()
        while True:
            run.wake.clear()
            seen = run.seen
            try:
                desired = run.sink.desired(self._view(run.sink.reads))
                changes = run.sink.diff(desired, await run.sink.observe())
                if changes:
                    log.info("%s: %s", run.sink.name, changes)
                    await run.sink.apply(changes)
            except self._wiring.retryable as error:
                await self._pause(run.sink.name, error, failures, run.wake)
                continue
            self._edge_status(EdgeStatus(run.sink.name))
            if seen == run.seen:
                run.converged.set()
            return bool(changes)

    async def _pause(
        self,
        name: str,
        error: Exception,
        failures: _Failures,
        wake: asyncio.Event | None = None,
    ) -> None:
        """Say what went wrong, once per kind of failure, and wait."""
        delay_s = failures.count()
        next_ns = self._clock.now_ns() + int(delay_s * 1e9)
        known = self._store.entries(EdgeStatus).get(name)
        if known is None or known.value.error != str(error):
            log.warning("%s: %s; trying again in %.1f s", name, error, delay_s)
        self._edge_status(EdgeStatus(name, str(error), failures.attempts, next_ns))
        if wake is None:
            await asyncio.sleep(delay_s)
            return
        await asyncio.sleep(min(delay_s, HASTE_S))
        await wait_at_most(wake, max(0.0, delay_s - HASTE_S))

    def _edge_status(self, status: EdgeStatus) -> None:
        self._store.replace(EdgeStatus, status.name, (status,), self._clock.now_ns())
