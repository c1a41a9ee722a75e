"""The runtime in virtual time: waiting is free, and counted."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import pytest

from kubespan.engine.controller import Controller
from kubespan.engine.edges import Feed, Sink, Source
from kubespan.engine.resource import EdgeStatus, Notice
from kubespan.engine.runtime import Runtime, Wiring
from kubespan.engine.store import Store
from kubespan.logic.diff import diff
from tests.fakes.resources import Apple, Jam
from tests.fakes.virtual_time import LoopClock, run_virtually

COOK = Controller(
    "cook",
    (Apple,),
    Jam,
    lambda view: [Jam(apple.name, apple.weight) for apple in view.all(Apple)],
)


class RefusedError(Exception):
    """The host said no."""


@dataclass
class Shelf:
    """A host that holds jam; refuses while told to."""

    holds: dict[str, Jam] = field(default_factory=dict)
    refusals: int = 0
    looks: list[float] = field(default_factory=list)
    applied: int = 0
    after_apply: Callable[[], None] = lambda: None

    async def observe(self) -> dict[str, Jam]:
        self.looks.append(asyncio.get_running_loop().time())
        return dict(self.holds)

    async def apply(self, changes) -> None:
        if self.refusals:
            self.refusals -= 1
            raise RefusedError("shelf: no room")
        self.applied += 1
        for key in changes.delete:
            del self.holds[key]
        self.holds |= changes.create | changes.update
        self.after_apply()

    def sink(self, name: str = "shelf", **changes) -> Sink:
        return Sink(
            name,
            (Jam,),
            lambda view: dict(view.by_key(Jam)),
            self.observe,
            diff,
            self.apply,
            **changes,
        )


@dataclass
class Tree:
    """A source told what to say; one list of apples after the other."""

    harvests: asyncio.Queue = field(default_factory=asyncio.Queue)

    async def run(self, publisher) -> None:
        while True:
            harvest = await self.harvests.get()
            if isinstance(harvest, Exception):
                raise harvest
            publisher.replace(Apple, harvest)


def run_for(
    seconds: float,
    wiring: Wiring,
    meanwhile: Callable[[Runtime, Store], Awaitable[None]] | None = None,
) -> Store:
    """Run a wiring for a while; return what is then stored."""
    store = Store()

    async def scenario() -> None:
        runtime = Runtime(wiring, store, LoopClock())
        stop = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            group.create_task(runtime.run(stop))
            if meanwhile:
                await meanwhile(runtime, store)
            await asyncio.sleep(seconds)
            stop.set()

    run_virtually(scenario())
    return store


def wired(tree: Tree, *sinks: Sink, feeds: tuple[Feed, ...] = ()) -> Wiring:
    source = Source("tree", (Apple,), tree.run)
    return Wiring((source,), (COOK,), sinks, feeds, RefusedError)


def saying(*harvests) -> Tree:
    tree = Tree()
    for harvest in harvests:
        tree.harvests.put_nowait(harvest)
    return tree


def test_what_a_source_says_ends_on_the_host():
    shelf = Shelf({"old": Jam("old")})

    run_for(1, wired(saying([Apple("a"), Apple("b")]), shelf.sink()))

    assert shelf.holds == {"a": Jam("a"), "b": Jam("b")}


def test_nothing_is_touched_before_anything_was_decided():
    shelf = Shelf({"old": Jam("old")})

    run_for(3600, wired(saying(), shelf.sink()))

    assert shelf.holds == {"old": Jam("old")}
    assert shelf.looks == []


def test_nothing_wanted_is_a_decision_and_clears_the_host():
    shelf = Shelf({"old": Jam("old")})

    run_for(1, wired(saying([]), shelf.sink()))

    assert shelf.holds == {}


def test_a_host_that_is_as_desired_is_only_looked_at_now_and_then():
    shelf = Shelf({"a": Jam("a")})

    run_for(95, wired(saying([Apple("a")]), shelf.sink(resync_s=30)))

    assert shelf.applied == 0
    assert len(shelf.looks) == 4


def test_drift_is_repaired_at_the_next_look():
    shelf = Shelf()

    async def lose(_runtime, _store):
        await asyncio.sleep(5)
        shelf.holds.clear()

    run_for(31, wired(saying([Apple("a")]), shelf.sink()), lose)

    assert shelf.holds == {"a": Jam("a")}


def test_a_hint_makes_a_sink_look_at_once():
    shelf = Shelf()

    async def lose(runtime, _store):
        await asyncio.sleep(5)
        shelf.holds.clear()
        runtime.hint("shelf")

    run_for(1, wired(saying([Apple("a")]), shelf.sink()), lose)

    assert shelf.holds == {"a": Jam("a")}


def test_a_refusal_is_told_and_tried_again():
    shelf = Shelf(refusals=3)
    seen = []

    async def watch(_runtime, store):
        await asyncio.sleep(0.4)
        seen.append(store.entries(EdgeStatus)["shelf"].value)

    store = run_for(10, wired(saying([Apple("a")]), shelf.sink()), watch)

    assert (seen[0].error, seen[0].attempts) == ("shelf: no room", 1)
    assert seen[0].next_attempt_ns > 0
    assert shelf.holds == {"a": Jam("a")}
    assert store.values(EdgeStatus) == (EdgeStatus("shelf"), EdgeStatus("tree"))


def test_refusals_are_logged_once_per_kind(caplog):
    run_for(60, wired(saying([Apple("a")]), Shelf(refusals=99).sink()))

    assert caplog.text.count("no room; trying again") == 1


def test_a_storm_of_hints_makes_no_storm_of_attempts():
    shelf = Shelf(refusals=10_000)

    async def storm(runtime, _store):
        for _ in range(1000):
            await asyncio.sleep(0.01)
            runtime.hint("shelf")

    run_for(0, wired(saying([Apple("a")]), shelf.sink()), storm)

    assert len(shelf.looks) <= 21


def test_a_change_that_is_undone_at_once_makes_no_busy_loop():
    shelf = Shelf()

    async def fight(runtime, _store):
        def undo() -> None:
            shelf.holds.clear()
            runtime.hint("shelf")

        shelf.after_apply = undo
        await asyncio.sleep(10)

    run_for(0, wired(saying([Apple("a")]), shelf.sink()), fight)

    assert 50 < shelf.applied <= 101


def test_a_sink_waits_for_those_before_it():
    order = []
    first, second = Shelf(refusals=2), Shelf()
    first.after_apply = lambda: order.append("first")
    second.after_apply = lambda: order.append("second")

    run_for(
        5,
        wired(
            saying([Apple("a")]),
            second.sink("second", after=("first",)),
            first.sink("first"),
        ),
    )

    assert order == ["first", "second"]


def test_a_burst_of_changes_is_one_round():
    shelf = Shelf()
    harvests = [[Apple("a", weight)] for weight in range(100)]

    run_for(1, wired(saying(*harvests), shelf.sink()))

    assert shelf.holds == {"a": Jam("a", 99)}
    assert shelf.applied == 1


def test_a_source_that_fails_is_started_again_and_its_error_withdrawn():
    seen = []

    async def watch(_runtime, store):
        await asyncio.sleep(0.1)
        seen.append(store.entries(EdgeStatus)["tree"].value)

    tree = saying(RefusedError("no ladder"), [Apple("a")])
    store = run_for(5, wired(tree), watch)

    assert (seen[0].error, seen[0].attempts) == ("no ladder", 1)
    assert store.values(Jam) == (Jam("a"),)
    assert store.entries(EdgeStatus)["tree"].value == EdgeStatus("tree")


def test_a_source_that_ran_long_is_started_again_soon():
    starts = []

    async def run(publisher):
        starts.append(asyncio.get_running_loop().time())
        publisher.replace(Apple, ())
        await asyncio.sleep(100)
        raise RefusedError("again")

    run_for(
        450, Wiring((Source("tree", (Apple,), run),), (COOK,), (), (), RefusedError)
    )

    assert starts == [0, 100.5, 201, 301.5, 402]


def test_a_source_may_end():
    async def once(publisher):
        publisher.patch(Apple, [Apple("a")])

    wiring = Wiring((Source("once", (Apple,), once),), (COOK,), (), (), RefusedError)

    assert run_for(1, wiring).values(Jam) == (Jam("a"),)


def test_a_source_speaks_to_operators_and_takes_it_back():
    told = []

    async def run(publisher):
        publisher.replace(Apple, ())
        publisher.warn("pests", "worms")
        publisher.warn("pests", "worms")
        publisher.warn("frost", "cold")
        await asyncio.sleep(1)
        publisher.warn("pests", "")
        publisher.warn("never", "")
        await asyncio.sleep(99)

    async def watch(_runtime, store):
        await asyncio.sleep(0.5)
        told.extend(store.values(Notice))

    wiring = Wiring((Source("tree", (Apple,), run),), (COOK,), (), (), RefusedError)
    store = run_for(1, wiring, watch)

    assert told == [Notice("tree", "frost", "cold"), Notice("tree", "pests", "worms")]
    assert store.values(Notice) == (Notice("tree", "frost", "cold"),)


def test_a_feed_hears_what_is_new():
    heard = []
    feed = Feed("guests", (Jam,), lambda view: heard.append(view.all(Jam)))

    run_for(1, wired(saying([Apple("a")], [Apple("a")]), feeds=(feed,)))

    assert heard == [(Jam("a"),)]


def test_a_broken_controller_runs_again_without_any_change():
    rounds = []

    def cook(_view):
        rounds.append(asyncio.get_running_loop().time())
        if len(rounds) < 3:
            raise RuntimeError("burnt")
        return [Jam("done")]

    broken = Controller("cook", (Apple,), Jam, cook)
    tree = saying([Apple("a")])
    wiring = Wiring(
        (Source("tree", (Apple,), tree.run),), (broken,), (), (), RefusedError
    )

    store = run_for(30, wiring)

    assert store.values(Jam) == (Jam("done"),)
    assert len(rounds) == 3


def test_a_bug_in_an_edge_ends_everything():
    async def run(_publisher):
        raise ZeroDivisionError

    wiring = Wiring((Source("bug", (Apple,), run),), (), (), (), RefusedError)

    with pytest.raises(ExceptionGroup):
        run_for(1, wiring)
