from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubespan.protocol.discovery_push import Delete, Push
from kubespan.protocol.discovery_records import (
    OpenedRecord,
    SealedRecord,
    Update,
    WatchMessage,
)
from kubespan.protocol.discovery_session import (
    Disconnect,
    DiscoverySession,
    Hello,
    ListAll,
    OpenWatch,
)
from kubespan.protocol.redirect import HOPS_MAX
from tests.builders import NOW_NS, an_affiliate

ENDPOINT = "one.example:443"
OTHER = "two.example:3000"
OWN = "me"
UPDATES = (Update(OWN, b"sealed"), Update("b", endpoints=(b"e" * 16,)))
EMPTY = WatchMessage(())


def a_session(updates: tuple[Update, ...] = UPDATES) -> DiscoverySession:
    """A session that starts at 0; without spread, so Hello is due at 0.5."""
    session = DiscoverySession(ENDPOINT, OWN, 1800, lambda: 0.5, 0)
    session.local_changed(updates, 0)
    return session


def a_greeting(updates: tuple[Update, ...] = UPDATES) -> DiscoverySession:
    session = a_session(updates)
    session.woke(0.5)
    session.commands()
    return session


def an_open_session(*affiliate_ids: str) -> DiscoverySession:
    """A session that works since 1.0: greeted, pushed, these in its snapshot."""
    session = a_greeting()
    session.hello_answered("", 1)
    session.watch_message(a_message(*affiliate_ids), 1, NOW_NS)
    session.pushed(1, NOW_NS)
    session.commands()
    session.roster.changes()
    return session


def a_message(*affiliate_ids: str, deleted: bool = False) -> WatchMessage:
    return WatchMessage(tuple(map(a_record, affiliate_ids)), deleted)


def a_record(affiliate_id: str) -> OpenedRecord:
    return OpenedRecord(SealedRecord(affiliate_id, b"d"), an_affiliate(affiliate_id))


def fail_hello(session: DiscoverySession, now_s: float) -> float:
    """Let one attempt fail; return how long the session waits then."""
    session.woke(now_s)
    session.hello_failed("connection refused", now_s)
    session.commands()
    return session.due_s - now_s


@pytest.mark.checklist(27)
def test_it_waits_then_greets_then_watches_and_pushes():
    session = a_session()
    waiting = session.commands()
    session.woke(0.49)
    early = session.commands()
    session.woke(0.5)
    greeting = session.commands()

    session.hello_answered("", 1)

    assert (waiting, early) == ((), ())
    assert greeting == (Hello(ENDPOINT, 10),)
    assert session.commands() == (OpenWatch(), Push(UPDATES, 30))


def test_with_nothing_to_say_it_only_watches():
    session = a_greeting(())

    session.hello_answered("", 1)

    assert session.commands() == (OpenWatch(),)


@pytest.mark.checklist(31)
def test_failed_hellos_are_tried_again_ever_more_slowly():
    session = a_session()

    waits_s = []
    now_s = 0.5
    for _ in range(14):
        waits_s.append(fail_hello(session, now_s))
        now_s += waits_s[-1]

    assert waits_s[:3] == pytest.approx([0.75, 1.125, 1.6875])
    assert waits_s[-1] == pytest.approx(60)
    assert session.error == "connection refused"


def test_failure_closes_the_connection():
    session = a_greeting()

    session.hello_failed("certificate not trusted", 1)

    assert session.commands() == (Disconnect(),)
    assert session.next_attempt_s == 1.75


@pytest.mark.checklist(28)
def test_redirect_is_followed_after_a_wait_and_kept():
    session = a_greeting()

    session.hello_answered(OTHER, 1)
    closing = session.commands()
    session.woke(1.75)
    greeting = session.commands()
    session.hello_answered("", 2)
    session.watch_ended("gone", 3)
    session.commands()
    session.woke(10)

    assert closing == (Disconnect(),)
    assert greeting == (Hello(OTHER),)
    assert session.commands() == (Hello(OTHER),)


def test_redirect_to_where_we_are_is_no_redirect():
    session = a_greeting()

    session.hello_answered(ENDPOINT, 1)

    assert OpenWatch() in session.commands()


@pytest.mark.parametrize("target", ["unix:/run/x.sock", "nonsense", "a:0", "\n:1"])
def test_redirect_to_no_address_is_reported_and_not_followed(target: str):
    session = a_greeting()

    session.hello_answered(target, 1)

    assert OpenWatch() in session.commands()
    assert "not host:port" in session.error
    assert session.endpoint == ENDPOINT


def test_redirects_in_a_circle_end_at_the_configured_endpoint():
    session = a_session()
    now_s = 0.0
    for hop in range(HOPS_MAX + 1):
        now_s = session.due_s
        session.woke(now_s)
        session.hello_answered(f"{hop}.example:443", now_s)

    assert session.endpoint == ENDPOINT
    assert "more than 5 times" in session.error


@pytest.mark.checklist(30)
def test_first_message_of_every_watch_is_the_snapshot():
    session = an_open_session("a", "b")
    session.watch_message(a_message("c"), 2, NOW_NS)
    session.watch_ended("gone", 3)
    session.woke(session.due_s)
    session.hello_answered("", 4)

    session.watch_message(a_message("a"), 4, NOW_NS)

    missing = [item.affiliate.node_id for item in session.roster.changes().put]
    assert missing == ["b", "c"]


def test_connected_and_synced_tell_of_the_snapshot():
    session = a_greeting()
    session.hello_answered("", 1)
    before = (session.connected, session.synced)

    session.watch_message(EMPTY, 1, NOW_NS)
    during = (session.connected, session.synced)
    session.watch_ended("gone", 2)

    assert before == (False, False)
    assert during == (True, True)
    assert (session.connected, session.synced) == (False, True)


@pytest.mark.checklist(31)
def test_lost_watch_leads_to_a_new_hello_and_peers_stay():
    session = an_open_session("a")

    session.watch_ended("the service ended the watch", 5)

    assert session.commands() == (Disconnect(),)
    assert session.due_s == 5.5
    assert not session.roster.changes()


@pytest.mark.checklist(32)
def test_failed_push_reconnects_after_the_backoff_and_not_after_half_the_ttl():
    session = an_open_session()
    session.woke(901)
    pushing = session.commands()

    session.push_failed("connection closed", 902)

    assert pushing == (Push(UPDATES, 30),)
    assert session.commands() == (Disconnect(),)
    assert session.due_s == 902.5


@pytest.mark.checklist(32)
def test_refused_push_keeps_the_watch_and_is_tried_again():
    session = an_open_session("a")
    session.woke(901)
    session.commands()

    session.push_refused("too many affiliates", 902)
    waiting = (session.connected, session.due_s, session.error, session.commands())
    session.woke(902.5)

    assert waiting == (True, 902.5, "too many affiliates", ())
    assert session.commands() == (Push(UPDATES, 30),)


def test_refused_pushes_are_tried_ever_more_slowly():
    session = an_open_session()
    waits_s = []
    for _ in range(4):
        session.woke(session.due_s)
        now_s = 2000.0
        session.push_refused("no", now_s)
        waits_s.append(session.due_s - now_s)
        session.woke(session.due_s)

    assert waits_s == sorted(waits_s)
    assert waits_s[0] < waits_s[-1]


def test_accepted_push_clears_the_error_and_is_dated():
    session = an_open_session()
    session.woke(901)
    session.push_refused("no", 902)
    session.woke(903)

    session.pushed(904, NOW_NS + 5)

    assert session.error == ""
    assert session.last_push_ns == NOW_NS + 5


@pytest.mark.checklist(31)
def test_backoff_starts_anew_once_snapshot_and_push_succeeded():
    session = a_session()
    now_s = 0.5
    for _ in range(6):
        now_s += fail_hello(session, now_s)
    session.woke(now_s)
    session.hello_answered("", now_s)
    session.watch_message(EMPTY, now_s, NOW_NS)
    session.pushed(now_s, NOW_NS)

    session.watch_ended("gone", 100)

    assert session.due_s == 100.5


def test_pushes_alone_do_not_reset_the_backoff():
    session = a_greeting()
    session.hello_answered("", 1)
    session.pushed(1, NOW_NS)

    session.watch_ended("snapshot too large", 2)

    assert session.due_s == 2.75


@pytest.mark.checklist(29)
def test_local_change_is_pushed_at_once():
    session = an_open_session()
    new = (Update(OWN, b"new"),)

    session.local_changed(new, 10)

    assert session.commands() == (Push(new, 30),)


def test_local_change_while_waiting_is_pushed_when_connected():
    session = a_greeting()
    new = (Update(OWN, b"new"),)

    session.local_changed(new, 0.6)
    session.hello_answered("", 1)

    assert session.commands() == (OpenWatch(), Push(new, 30))


def test_announced_deletion_is_questioned_a_little_later():
    session = an_open_session("a", "b")

    session.watch_message(a_message("a", deleted=True), 10, NOW_NS)
    session.watch_message(a_message("b", deleted=True), 12, NOW_NS)
    session.woke(14.9)
    early = session.commands()
    session.woke(15)
    asked = session.commands()
    session.list_answered((a_record("b"),), 16)

    assert (early, asked) == ((), (ListAll(30),))
    assert session.roster.changes().removed == ("a",)
    assert session.due_s == 901


def test_deletions_that_never_cease_are_questioned_all_the_same():
    session = an_open_session("a", "b")

    for now_s in range(10, 22):
        session.watch_message(a_message("a", deleted=True), now_s, NOW_NS)
    session.woke(22)

    assert session.commands() == (ListAll(30),)


def test_record_put_back_by_its_owner_is_no_longer_questioned():
    session = an_open_session("a")
    session.watch_message(a_message("a", deleted=True), 10, NOW_NS)

    session.watch_message(a_message("a"), 12, NOW_NS)
    session.woke(20)

    assert session.commands() == ()
    assert not session.roster.changes().removed


def test_only_one_question_is_asked_at_a_time():
    session = an_open_session("a", "b")
    session.watch_message(a_message("a", deleted=True), 10, NOW_NS)
    session.woke(13)
    session.commands()

    session.watch_message(a_message("b", deleted=True), 14, NOW_NS)
    session.woke(20)
    meanwhile = session.commands()
    session.list_answered((), 21)
    session.woke(24)

    assert meanwhile == ()
    assert session.commands() == (ListAll(30),)


def test_unanswered_question_is_asked_again_later():
    session = an_open_session("a")
    session.watch_message(a_message("a", deleted=True), 10, NOW_NS)
    session.woke(13)
    session.commands()

    session.list_failed(14)
    session.woke(session.due_s)

    assert session.commands() == (ListAll(30),)
    assert not session.roster.changes()


def test_deletion_of_somebody_unknown_asks_nothing():
    session = an_open_session("a")

    session.watch_message(a_message("x", deleted=True), 10, NOW_NS)

    assert session.due_s == 901


def test_our_own_record_deleted_by_others_is_pushed_again():
    session = an_open_session()

    session.watch_message(a_message(OWN, deleted=True), 10, NOW_NS)
    session.woke(11)

    assert session.commands() == (Push(UPDATES, 30),)


def test_our_own_record_replaced_by_others_is_pushed_again_and_told():
    session = an_open_session()
    before = session.is_id_shared(9)

    session.watch_message(a_message(OWN), 10, NOW_NS)
    session.woke(11)

    assert session.commands() == (Push(UPDATES, 30),)
    assert not before
    assert session.is_id_shared(11)


@pytest.mark.checklist(37)
def test_requested_deletion_survives_a_reconnect_until_accepted():
    session = an_open_session()
    session.delete_requested(10)
    first = session.commands()
    session.push_failed("connection closed", 11)
    session.woke(session.due_s)
    session.hello_answered("", 12)
    second = session.commands()

    session.pushed(13, NOW_NS)

    assert first == (Delete(30),)
    assert Delete(30) in second
    assert session.deleted


def test_records_that_were_none_are_counted():
    session = an_open_session()

    session.watch_message(WatchMessage((), unreadable=2), 2, NOW_NS)

    assert session.roster.skipped == 2


def test_first_message_that_is_a_deletion_makes_nobody_vanish_unconfirmed():
    session = an_open_session("a", "b")
    session.watch_ended("gone", 3)
    session.woke(session.due_s)
    session.hello_answered("", 4)

    session.watch_message(a_message("a", deleted=True), 4, NOW_NS)

    changes = session.roster.changes()
    assert [item.missing for item in changes.put] == [True, True]
    assert changes.removed == ()


INPUTS = st.lists(
    st.tuples(
        st.sampled_from(
            [
                *("woke", "answered", "redirected", "failed", "message", "deleted"),
                *("ended", "pushed", "refused", "push failed", "listed"),
                *("list failed", "changed", "silenced", "leave"),
            ]
        ),
        st.floats(0, 2000),
        st.lists(st.sampled_from([OWN, "a", "b"]), max_size=3),
    ),
    max_size=40,
)


def tell(session: DiscoverySession, what: str, ids: list[str], now_s: float) -> None:
    """Tell a session anything, whether it makes sense now or not."""
    actions = {
        "woke": lambda: session.woke(now_s),
        "answered": lambda: session.hello_answered("", now_s),
        "redirected": lambda: session.hello_answered(OTHER, now_s),
        "failed": lambda: session.hello_failed("no", now_s),
        "message": lambda: session.watch_message(a_message(*ids), now_s, NOW_NS),
        "deleted": lambda: session.watch_message(
            a_message(*ids, deleted=True), now_s, NOW_NS
        ),
        "ended": lambda: session.watch_ended("end", now_s),
        "pushed": lambda: session.pushed(now_s, NOW_NS),
        "refused": lambda: session.push_refused("no", now_s),
        "push failed": lambda: session.push_failed("no", now_s),
        "listed": lambda: session.list_answered(tuple(map(a_record, ids)), now_s),
        "list failed": lambda: session.list_failed(now_s),
        "changed": lambda: session.local_changed(UPDATES, now_s),
        "silenced": lambda: session.local_changed((), now_s),
        "leave": lambda: session.delete_requested(now_s),
    }
    actions[what]()


@given(INPUTS)
def test_whatever_happens_it_is_never_stuck_and_never_in_two_calls_at_once(
    inputs: list[tuple[str, float, list[str]]],
):
    session = a_session()
    now_s = 0.0
    for what, later_s, ids in inputs:
        now_s += later_s
        tell(session, what, ids, now_s)
        commands = session.commands()
        kinds = [type(command) for command in commands]
        assert len(kinds) == len(set(kinds))

    # From any state, an ending connection leads to a new Hello within 90 s.
    session.hello_failed("no", now_s)
    session.watch_ended("no", now_s)
    session.commands()
    assert session.due_s != inf
    assert session.due_s - now_s <= 90
    session.woke(session.due_s)
    assert session.commands() == (Hello(session.endpoint),)
