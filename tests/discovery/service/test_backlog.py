from hypothesis import given
from hypothesis import strategies as st

from discovery.api import cluster_pb2 as pb
from discovery.service.backlog import MESSAGE_BYTES_MAX, Announcement, Backlog
from discovery.service.watch_messages import announcement_from_change
from discovery.state.affiliate import Affiliate
from discovery.state.cluster import Change


def an_upsert(
    affiliate_id: str, data: bytes = b"d", *, created: bool = False
) -> Announcement:
    affiliate = Affiliate(affiliate_id, data, 0, ())
    return announcement_from_change(Change(affiliate_id, affiliate, created=created))


def a_deletion(affiliate_id: str) -> Announcement:
    return announcement_from_change(Change(affiliate_id, None))


def taken(backlog: Backlog) -> list[tuple[bool, list[tuple[str, bytes]]]]:
    messages = []
    while backlog:
        message = pb.WatchResponse.FromString(backlog.take())
        known = [(affiliate.id, affiliate.data) for affiliate in message.affiliates]
        messages.append((message.deleted, known))
    return messages


def test_single_change_is_the_very_message_all_watchers_share() -> None:
    backlog, announcement = Backlog(), an_upsert("a")

    backlog.add(announcement)

    assert backlog.take() == announcement.message
    assert len(backlog) == 0
    assert backlog.take() == b""


def test_only_the_newest_state_of_an_affiliate_waits() -> None:
    backlog = Backlog()

    for data in (b"1", b"2", b"3"):
        backlog.add(an_upsert("a", data))

    assert taken(backlog) == [(False, [("a", b"3")])]


def test_changes_of_one_kind_share_a_message_in_order_of_the_last_change() -> None:
    backlog = Backlog()

    for affiliate_id in "abca":
        backlog.add(an_upsert(affiliate_id))

    assert taken(backlog) == [(False, [("b", b"d"), ("c", b"d"), ("a", b"d")])]


def test_deletions_and_upserts_never_share_a_message() -> None:
    backlog = Backlog()

    for announcement in (an_upsert("a"), a_deletion("b"), a_deletion("c")):
        backlog.add(announcement)
    backlog.add(an_upsert("d"))

    assert taken(backlog) == [
        (False, [("a", b"d")]),
        (True, [("b", b""), ("c", b"")]),
        (False, [("d", b"d")]),
    ]


def test_affiliate_that_came_and_went_unseen_is_not_told() -> None:
    backlog = Backlog()

    backlog.add(an_upsert("a", created=True))
    backlog.add(an_upsert("a", b"new"))
    backlog.add(a_deletion("a"))

    assert len(backlog) == 0


def test_affiliate_that_was_told_is_told_to_be_gone() -> None:
    backlog = Backlog()
    backlog.add(an_upsert("a", created=True))
    backlog.take()

    backlog.add(a_deletion("a"))
    backlog.add(an_upsert("a", b"back", created=True))
    backlog.add(a_deletion("a"))

    assert taken(backlog) == [(True, [("a", b"")])]


def test_messages_are_bounded() -> None:
    backlog = Backlog()
    for number in range(1024):
        backlog.add(an_upsert(f"af{number}", bytes(2048)))

    sizes = []
    while backlog:
        sizes.append(len(backlog.take()))

    assert len(sizes) == 9
    assert max(sizes) <= MESSAGE_BYTES_MAX


def test_endless_coming_and_going_does_not_grow_the_backlog() -> None:
    backlog = Backlog()

    for number in range(5000):
        backlog.add(an_upsert(f"af{number}", created=True))
        backlog.add(a_deletion(f"af{number}"))

    assert len(backlog) == 0


@given(st.lists(st.tuples(st.sampled_from("abc"), st.booleans(), st.booleans())))
def test_however_slow_a_watcher_ends_with_the_same_knowledge(
    steps: list[tuple[str, bool, bool]],
) -> None:
    backlog = Backlog()
    truth: dict[str, bytes] = {}
    known: dict[str, bytes] = {}

    def read_one() -> None:
        message = pb.WatchResponse.FromString(backlog.take())
        for affiliate in message.affiliates:
            if message.deleted:
                del known[affiliate.id]  # it is never told of what it does not know
            else:
                known[affiliate.id] = affiliate.data

    for number, (affiliate_id, deletes, reads) in enumerate(steps):
        if not deletes:
            created = affiliate_id not in truth
            truth[affiliate_id] = b"%d" % number
            backlog.add(an_upsert(affiliate_id, truth[affiliate_id], created=created))
        elif truth.pop(affiliate_id, None) is not None:
            backlog.add(a_deletion(affiliate_id))
        if reads and backlog:
            read_one()
    while backlog:
        read_one()

    assert known == truth
