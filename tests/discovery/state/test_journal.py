from hypothesis import given
from hypothesis import strategies as st

from discovery.state.affiliate import Affiliate
from discovery.state.cluster import Change
from discovery.state.journal import DELETIONS_SPARE, Journal
from discovery.state.limits import AFFILIATES_MAX

ALL = 10**9


def an_upsert(
    affiliate_id: str, data: bytes = b"d", *, created: bool = False
) -> Change:
    return Change(affiliate_id, Affiliate(affiliate_id, data, 0, ()), created)


def a_deletion(affiliate_id: str) -> Change:
    return Change(affiliate_id, None)


def a_journal(*changes: Change) -> Journal:
    journal = Journal()
    for change in changes:
        journal.add(change)
    return journal


def told(journal: Journal, version: int = 0) -> list[Change]:
    return list(journal.read(version, ALL).changes)


def test_only_the_newest_state_of_an_affiliate_is_told() -> None:
    journal = a_journal(*[an_upsert("a", data) for data in (b"1", b"2", b"3")])

    assert told(journal) == [an_upsert("a", b"3")]
    assert len(journal) == 1


def test_changes_are_told_in_order_of_the_last_change() -> None:
    journal = a_journal(*map(an_upsert, "abca"))

    assert told(journal) == [an_upsert("b"), an_upsert("c"), an_upsert("a")]


def test_reader_is_told_what_changed_since_it_read_last() -> None:
    journal = a_journal(*map(an_upsert, "abc"))

    portion = journal.read(2, ALL)

    assert portion.changes == (an_upsert("c"),)
    assert portion.version == journal.version == 3
    assert told(journal, 3) == []


def test_affiliate_that_came_and_went_unseen_is_not_told() -> None:
    journal = a_journal(an_upsert("x"), an_upsert("a", created=True))
    journal.add(an_upsert("a", b"new"))
    journal.add(a_deletion("a"))

    assert told(journal, 1) == []
    assert journal.read(1, ALL).version == 4
    assert told(journal, 2) == [a_deletion("a")]


def test_affiliate_that_was_told_is_told_to_be_gone() -> None:
    journal = a_journal(an_upsert("a", created=True), a_deletion("a"))
    journal.add(an_upsert("a", b"back", created=True))
    journal.add(a_deletion("a"))

    assert told(journal, 1) == [a_deletion("a")]


def test_affiliate_from_before_the_journal_is_told_to_be_gone() -> None:
    assert told(a_journal(a_deletion("a"))) == [a_deletion("a")]


def test_portions_are_bounded_and_go_on_where_the_last_one_ended() -> None:
    journal = a_journal(*[an_upsert(f"af{n:04}", bytes(2048)) for n in range(1024)])

    version, portions = 0, []
    while version < journal.version:
        portion = journal.read(version, 256 * 1024)
        portions.append(portion.changes)
        version = portion.version

    sizes = [sum(change.size_bytes for change in part) for part in portions]
    assert max(sizes) <= 256 * 1024
    assert len(sizes) == 9
    assert [c.affiliate_id for part in portions for c in part] == [
        f"af{n:04}" for n in range(1024)
    ]


def test_portion_holds_at_least_one_change() -> None:
    journal = a_journal(an_upsert("a", bytes(100)), an_upsert("b", bytes(100)))

    assert journal.read(0, 1).changes == (an_upsert("a", bytes(100)),)


def test_what_all_have_read_is_dropped() -> None:
    journal = a_journal(*map(an_upsert, "abc"), a_deletion("d"))

    journal.drop_read(2)

    assert len(journal) == 2
    assert journal.count_since(0) == 2
    assert journal.count_since(3) == 1
    journal.drop_read(4)
    assert len(journal) == 0


def test_endless_churn_beside_a_sleeping_reader_is_bounded() -> None:
    # The sleeper stands at 1024, where the cluster was full; others keep up.
    journal = Journal()
    for number in range(AFFILIATES_MAX):
        journal.add(an_upsert(f"old{number}", created=True))
    sleeper, largest = journal.version, 0

    for number in range(AFFILIATES_MAX):
        journal.add(a_deletion(f"old{number}"))
    for number in range(20_000):
        journal.add(an_upsert(f"new{number}", created=True))
        journal.add(a_deletion(f"new{number}"))
        if number % 10 == 0:
            journal.drop_read(sleeper)
            if journal.is_crowded:
                journal.drop_unneeded([sleeper, journal.version])
            largest = max(largest, len(journal))

    assert largest <= 2 * AFFILIATES_MAX + 10
    gone = {change.affiliate_id for change in told(journal, sleeper)}
    assert gone == {f"old{number}" for number in range(AFFILIATES_MAX)}


def test_endless_churn_without_sleepers_keeps_next_to_nothing() -> None:
    journal, largest = Journal(), 0
    early = journal.version

    for number in range(5_000):
        journal.add(an_upsert(f"new{number}", created=True))
        journal.add(a_deletion(f"new{number}"))
        if journal.is_crowded:
            journal.drop_unneeded([early])
        largest = max(largest, len(journal))

    assert largest <= 2 * DELETIONS_SPARE


class AReader:
    def __init__(self, truth: dict[str, bytes], version: int) -> None:
        self.known = dict(truth)
        self.version = version

    def read(self, journal: Journal, bytes_max: int) -> None:
        portion = journal.read(self.version, bytes_max)
        assert portion.version > self.version or self.version == journal.version
        self.version = portion.version
        for change in portion.changes:
            if change.affiliate is None:
                self.known.pop(change.affiliate_id, None)
            else:
                self.known[change.affiliate_id] = change.affiliate.data


# what happens: somebody changes, somebody reads a little, somebody comes, all is pruned
steps = st.one_of(
    st.tuples(st.just("put"), st.sampled_from("abcd")),
    st.tuples(st.just("delete"), st.sampled_from("abcd")),
    st.tuples(st.just("read"), st.integers(0, 9)),
    st.tuples(st.just("join"), st.none()),
    st.tuples(st.just("drop"), st.none()),
)


@given(st.lists(steps, max_size=60))
def test_however_readers_sleep_they_end_with_the_same_knowledge(
    history: list[tuple[str, object]],
) -> None:
    journal, truth = Journal(), {}
    readers = [AReader({}, 0)]

    for number, (step, argument) in enumerate(history):
        if step == "put":
            created = argument not in truth
            truth[argument] = b"%d" % number
            journal.add(an_upsert(argument, truth[argument], created=created))
        elif step == "delete" and truth.pop(argument, None) is not None:
            journal.add(a_deletion(argument))
        elif step == "read":
            readers[argument % len(readers)].read(journal, 30)
        elif step == "join":
            readers.append(AReader(truth, journal.version))
        elif step == "drop":
            positions = sorted(reader.version for reader in readers)
            journal.drop_read(positions[0])
            journal.drop_unneeded(positions)
    for reader in readers:
        while reader.version < journal.version:
            reader.read(journal, 30)

    assert all(reader.known == truth for reader in readers)
