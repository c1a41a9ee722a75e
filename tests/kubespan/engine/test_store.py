import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubespan.engine.store import EventType, Store
from tests.fakes.resources import Apple, Pear


@pytest.fixture
def store() -> Store:
    return Store()


def test_a_set_is_replaced_at_once_and_read_sorted(store):
    store.replace(Apple, "tree", [Apple("b"), Apple("a")], 1)
    store.replace(Apple, "tree", [Apple("c"), Apple("b")], 2)

    assert store.values(Apple) == (Apple("b"), Apple("c"))


def test_kinds_do_not_mix(store):
    store.replace(Apple, "tree", [Apple("a")], 1)

    assert store.values(Pear) == ()
    assert store.generation(Pear) == 0


def test_owners_have_sets_of_their_own(store):
    store.replace(Apple, "tree", [Apple("a")], 1)
    store.replace(Apple, "shop", [Apple("b")], 1)
    store.replace(Apple, "tree", [], 2)

    assert store.values(Apple) == (Apple("b"),)


def test_a_resource_changes_hands_and_its_former_owner_cannot_remove_it(store):
    store.replace(Apple, "tree", [Apple("a")], 1)
    store.replace(Apple, "shop", [Apple("a", 2)], 2)
    store.replace(Apple, "tree", [], 3)

    assert store.values(Apple) == (Apple("a", 2),)
    assert store.entries(Apple)["a"].owner == "shop"


def test_a_version_counts_changes_of_content(store):
    for at_ns, weight in enumerate((1, 1, 2), start=1):
        store.replace(Apple, "tree", [Apple("a", weight)], at_ns)

    entry = store.entries(Apple)["a"]
    assert (entry.version, entry.created_ns, entry.updated_ns) == (2, 1, 3)


def test_a_generation_grows_with_changes_only(store):
    store.replace(Apple, "tree", [Apple("a")], 1)
    before = store.generation(Apple)

    assert not store.replace(Apple, "tree", [Apple("a")], 2)
    assert store.generation(Apple) == before
    assert store.replace(Apple, "tree", [Apple("a", 2)], 3)
    assert store.generation(Apple) > before


def test_a_kind_is_decided_once_all_owners_delivered_even_nothing(store):
    store.declare(Apple, "tree")
    store.declare(Apple, "shop")

    store.replace(Apple, "tree", [Apple("a")], 1)
    undecided = store.is_decided(Apple)
    changed = store.replace(Apple, "shop", [], 1)

    assert not undecided
    assert store.is_decided(Apple)
    assert changed
    assert store.is_decided(Pear)


def test_a_patch_adds_changes_and_removes_some(store):
    store.replace(Apple, "tree", [Apple("a"), Apple("b"), Apple("c")], 1)

    store.patch(Apple, "tree", [Apple("a", 2), Apple("d")], ["b", "nowhere"], now_ns=2)

    assert store.values(Apple) == (Apple("a", 2), Apple("c"), Apple("d"))


def test_a_patch_removes_nothing_of_others(store):
    store.replace(Apple, "tree", [Apple("a")], 1)

    store.patch(Apple, "shop", remove=["a"], now_ns=2)

    assert store.values(Apple) == (Apple("a"),)


def test_watchers_hear_every_change_until_they_stop(store):
    heard = []
    stop = store.watch(heard.extend)

    store.replace(Apple, "tree", [Apple("a"), Apple("b")], 1)
    store.replace(Apple, "tree", [Apple("a", 2)], 2)
    stop()
    store.replace(Apple, "tree", [], 3)

    assert [(event.type, event.entry.value) for event in heard] == [
        (EventType.CREATED, Apple("a")),
        (EventType.CREATED, Apple("b")),
        (EventType.DESTROYED, Apple("b")),
        (EventType.UPDATED, Apple("a", 2)),
    ]


SETS = st.lists(st.dictionaries(st.sampled_from("abcd"), st.integers(0, 2)), max_size=6)


@given(SETS)
def test_events_replayed_give_what_is_stored(sets):
    store = Store()
    replayed: dict[str, Apple] = {}

    def replay(events):
        for event in events:
            if event.type is EventType.DESTROYED:
                del replayed[event.entry.value.key]
            else:
                replayed[event.entry.value.key] = event.entry.value

    store.watch(replay)
    for wanted in sets:
        values = [Apple(name, weight) for name, weight in wanted.items()]
        store.replace(Apple, "tree", values, 1)

        assert set(store.values(Apple)) == set(values) == set(replayed.values())
