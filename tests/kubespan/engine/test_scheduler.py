import pytest

from kubespan.engine.controller import Controller, View
from kubespan.engine.resource import Notice
from kubespan.engine.scheduler import Scheduler
from kubespan.engine.store import Store
from tests.fakes.clock import FakeClock
from tests.fakes.resources import Apple, Jam, Pear


def peel(view: View):
    return [Pear(apple.name, apple.weight) for apple in view.all(Apple)]


def cook(view: View):
    return [Jam(pear.name, pear.weight) for pear in view.all(Pear)]


PEEL = Controller("peel", (Apple,), Pear, peel)
COOK = Controller("cook", (Pear,), Jam, cook)


@pytest.fixture
def store() -> Store:
    store = Store()
    store.declare(Apple, "tree")
    return store


def test_nothing_runs_before_its_inputs_are_decided(store):
    scheduler = Scheduler(store, [COOK, PEEL], FakeClock())

    assert scheduler.settle() == 0
    assert not store.is_decided(Jam)


def test_one_pass_carries_a_change_to_the_end(store):
    scheduler = Scheduler(store, [COOK, PEEL], FakeClock())

    store.replace(Apple, "tree", [Apple("a")], 1)

    assert scheduler.settle() == 2
    assert store.values(Jam) == (Jam("a"),)


def test_an_empty_set_is_a_decision_too(store):
    scheduler = Scheduler(store, [PEEL, COOK], FakeClock())

    store.replace(Apple, "tree", [], 1)

    assert scheduler.settle() == 2
    assert store.is_decided(Jam)


def test_only_those_whose_inputs_changed_run(store):
    scheduler = Scheduler(store, [PEEL, COOK], FakeClock())
    store.replace(Apple, "tree", [Apple("a")], 1)
    scheduler.settle()

    unchanged = scheduler.settle()
    store.replace(Apple, "tree", [Apple("a")], 2)
    same = scheduler.settle()

    assert (unchanged, same) == (0, 0)


def test_what_is_no_longer_returned_is_removed(store):
    scheduler = Scheduler(store, [PEEL, COOK], FakeClock())
    store.replace(Apple, "tree", [Apple("a"), Apple("b")], 1)
    scheduler.settle()

    store.replace(Apple, "tree", [Apple("b")], 2)
    scheduler.settle()

    assert store.values(Jam) == (Jam("b"),)


def test_none_keeps_what_was_said_before(store):
    hesitating = Controller(
        "peel", (Apple,), Pear, lambda view: peel(view) if view.one(Apple) else None
    )
    scheduler = Scheduler(store, [hesitating], FakeClock())
    store.replace(Apple, "tree", [Apple("a")], 1)
    scheduler.settle()

    store.replace(Apple, "tree", [], 2)
    scheduler.settle()

    assert store.values(Pear) == (Pear("a"),)


def test_its_own_output_is_the_memory_of_a_controller(store):
    def add_up(view: View):
        known = view.one(Jam)
        apple = view.one(Apple)
        weight = (known.weight if known else 0) + (apple.weight if apple else 0)
        return [Jam("sum", weight)]

    scheduler = Scheduler(
        store, [Controller("sum", (Apple, Jam), Jam, add_up)], FakeClock()
    )
    for weight in (1, 2, 3):
        store.replace(Apple, "tree", [Apple("a", weight)], 1)
        scheduler.settle()

    assert store.values(Jam) == (Jam("sum", 6),)


def failing_for_heavy(view: View):
    for apple in view.all(Apple):
        if apple.weight > 9:
            raise RuntimeError(f"{apple.name} is too heavy")
    return peel(view)


def test_a_failure_keeps_the_last_output_and_is_told(store, caplog):
    broken = Controller("peel", (Apple,), Pear, failing_for_heavy)
    scheduler = Scheduler(store, [broken, COOK], FakeClock())
    store.replace(Apple, "tree", [Apple("a")], 1)
    scheduler.settle()

    store.replace(Apple, "tree", [Apple("a", 10)], 2)
    scheduler.settle()

    assert store.values(Pear) == (Pear("a"),)
    assert store.values(Jam) == (Jam("a"),)
    assert [notice.text for notice in store.values(Notice)] == [
        "RuntimeError: a is too heavy"
    ]
    assert "controller peel failed" in caplog.text


def test_a_failed_controller_tries_again_later_and_later(store):
    clock = FakeClock()
    broken = Controller("peel", (Apple,), Pear, failing_for_heavy)
    scheduler = Scheduler(store, [broken], clock)
    store.replace(Apple, "tree", [Apple("a", 10)], 1)
    scheduler.settle()

    delays = []
    for _ in range(3):
        due_s = scheduler.retry_s
        assert due_s is not None
        delays.append(due_s - clock.now_s())
        assert scheduler.settle() == 0
        clock.advance(delays[-1])
        assert scheduler.settle() == 1

    assert delays == [0.5, 0.75, 1.125]


def test_a_controller_that_recovers_says_nothing_more(store):
    broken = Controller("peel", (Apple,), Pear, failing_for_heavy)
    scheduler = Scheduler(store, [broken], FakeClock())
    store.replace(Apple, "tree", [Apple("a", 10)], 1)
    scheduler.settle()

    store.replace(Apple, "tree", [Apple("a", 2)], 2)
    scheduler.settle()

    assert scheduler.retry_s is None
    assert store.values(Notice) == ()
    assert store.values(Pear) == (Pear("a", 2),)


def test_notices_last_until_a_round_no_longer_says_them(store, caplog):
    def grumble(view: View):
        for apple in view.all(Apple):
            view.warn(apple.name, f"{apple.name} is sour")
        return ()

    scheduler = Scheduler(
        store, [Controller("peel", (Apple,), Pear, grumble)], FakeClock()
    )
    store.replace(Apple, "tree", [Apple("a")], 1)
    scheduler.settle()
    store.replace(Apple, "tree", [Apple("a"), Apple("b")], 2)
    scheduler.settle()
    told = store.values(Notice)
    store.replace(Apple, "tree", [], 3)
    scheduler.settle()

    assert told == (
        Notice("peel", "a", "a is sour"),
        Notice("peel", "b", "b is sour"),
    )
    assert caplog.text.count("a is sour") == 1
    assert store.values(Notice) == ()
