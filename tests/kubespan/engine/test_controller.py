import pytest

from kubespan.engine.controller import Controller, Memo, View
from kubespan.engine.store import Store
from tests.fakes.resources import Apple, Jam, Pear


@pytest.fixture
def view() -> View:
    store = Store()
    store.replace(Apple, "tree", [Apple("b"), Apple("a")], 1)
    store.replace(Pear, "tree", [Pear("x")], 1)
    return View(store, (Apple,), 5.0, 7)


def test_a_view_shows_what_was_declared_and_both_clocks(view):
    assert view.all(Apple) == (Apple("a"), Apple("b"))
    assert view.one(Apple) == Apple("a")
    assert view.by_key(Apple) == {"a": Apple("a"), "b": Apple("b")}
    assert (view.now_s, view.now_ns) == (5.0, 7)


@pytest.mark.parametrize("ask", [View.all, View.one, View.by_key])
def test_asking_for_anything_else_is_an_error(view, ask):
    with pytest.raises(LookupError, match="Pear was not declared"):
        ask(view, Pear)


def test_there_may_be_none():
    assert View(Store(), (Apple,), 0, 0).one(Apple) is None


def test_what_was_said_last_of_a_subject_is_the_notice(view):
    view.warn("a", "small")
    view.warn("a", "green")

    assert view.notices == {"a": "green"}


def test_an_answer_is_remembered_while_its_inputs_are_equal():
    memo = Memo()
    calls = []

    def ask(key, inputs):
        memo.turn()
        view = View(Store(), (), 0, 0, memo)
        return view.remember(key, inputs, lambda: calls.append(inputs) or len(calls))

    answers = [ask("k", 1), ask("k", 1), ask("k", 2), ask("k", 2)]

    assert answers == [1, 1, 2, 2]


def test_what_a_round_did_not_ask_for_is_forgotten():
    memo = Memo()
    View(Store(), (), 0, 0, memo).remember("k", 1, lambda: "first")
    memo.turn()
    memo.turn()

    again = View(Store(), (), 0, 0, memo).remember("k", 1, lambda: "anew")

    assert again == "anew"
    assert len(memo.new) == 1


def test_inputs_are_all_kinds_but_the_output():
    controller = Controller("jam", (Apple, Jam), Jam, lambda _: ())

    assert controller.inputs == (Apple,)
