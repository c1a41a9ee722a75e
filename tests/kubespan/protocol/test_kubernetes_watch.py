from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubespan.errors import WireError
from kubespan.protocol.backoff import Backoff
from kubespan.protocol.kubernetes_watch import ListObjects, ObjectWatch, WatchObjects

NOW_S = 100.0


def decode(thing: Any) -> str:
    value = thing.get("value", "")
    if value == "bad":
        raise WireError("bad")
    return value


def a_watch() -> ObjectWatch[str]:
    return ObjectWatch(decode, Backoff(lambda: 0.5))


def an_object(name: str, value: str = "", version: int = 1) -> dict[str, Any]:
    return {"metadata": {"name": name, "resourceVersion": str(version)}, "value": value}


def a_page(*things: dict[str, Any], version: int = 1, token: str = "") -> dict:
    metadata = {"resourceVersion": str(version)}
    if token:
        metadata["continue"] = token
    return {"metadata": metadata, "items": list(things)}


def an_event(kind: str, *args: Any, **kwargs: Any) -> dict[str, Any]:
    return {"type": kind, "object": an_object(*args, **kwargs)}


def gone_event() -> dict[str, Any]:
    return {"type": "ERROR", "object": {"code": 410, "message": "too old"}}


def a_listed_watch(*things: dict[str, Any]) -> ObjectWatch[str]:
    watch = a_watch()
    watch.page_arrived(a_page(*things, version=7), NOW_S)
    return watch


def test_it_begins_with_the_first_page() -> None:
    watch = a_watch()

    assert watch.action == ListObjects("")
    assert not watch.synced


def test_pages_are_put_together_and_then_watched_from_the_list_s_version() -> None:
    watch = a_watch()

    watch.page_arrived(a_page(an_object("a"), version=7, token="t"), NOW_S)

    assert watch.action == ListObjects("t")
    assert watch.objects == {}

    watch.page_arrived(a_page(an_object("b"), version=7), NOW_S)

    assert watch.action == WatchObjects("7")
    assert list(watch.objects) == ["a", "b"]
    assert watch.synced
    assert watch.generation == 1


def test_events_change_the_list_and_move_the_version() -> None:
    watch = a_listed_watch(an_object("a", "1"), an_object("b", "1"))
    watch.watch_opened(NOW_S)

    watch.event_arrived(an_event("MODIFIED", "a", "2", 8), NOW_S)
    watch.event_arrived(an_event("ADDED", "c", "1", 9), NOW_S)
    watch.event_arrived(an_event("DELETED", "b", "1", 10), NOW_S)

    assert watch.objects == {"a": "2", "c": "1"}
    assert watch.generation == 4
    assert watch.action == WatchObjects("10")


def test_what_changes_nothing_is_no_new_generation() -> None:
    watch = a_listed_watch(an_object("a", "1"))
    watch.watch_opened(NOW_S)

    watch.event_arrived(an_event("MODIFIED", "a", "1", 8), NOW_S)
    watch.event_arrived(an_event("DELETED", "z", "1", 9), NOW_S)
    bookmark = {"type": "BOOKMARK", "object": {"metadata": {"resourceVersion": "12"}}}
    watch.event_arrived(bookmark, NOW_S)

    assert watch.generation == 1
    assert watch.action == WatchObjects("12")


def test_a_watch_that_ends_is_opened_again_at_once_where_it_was() -> None:
    watch = a_listed_watch()
    watch.watch_opened(NOW_S)

    watch.watch_ended(NOW_S + 290)

    assert watch.action == WatchObjects("7")
    assert watch.due_s == NOW_S + 290
    assert watch.error == ""


def test_a_watch_that_always_ends_at_once_is_waited_for() -> None:
    watch = a_listed_watch()
    delays = []
    for _ in range(4):
        watch.watch_opened(NOW_S)
        watch.watch_ended(NOW_S)
        delays.append(watch.due_s - NOW_S)

    assert delays == [0.5, 0.75, 1.125, 1.6875]
    assert "at once" in watch.error


@pytest.mark.parametrize("as_event", [True, False], ids=["event", "status"])
def test_gone_lists_again_at_once_and_keeps_what_is_known(as_event: bool) -> None:
    watch = a_listed_watch(an_object("a", "1"))
    watch.watch_opened(NOW_S)
    watch.event_arrived(an_event("MODIFIED", "a", "2", 8), NOW_S)

    if as_event:
        assert not watch.event_arrived(gone_event(), NOW_S)
    else:
        watch.refused("gone", NOW_S, 410)

    assert watch.action == ListObjects("")
    assert watch.due_s <= NOW_S
    assert watch.objects == {"a": "2"}
    assert watch.synced
    assert not watch.connected


def test_gone_again_and_again_waits() -> None:
    watch = a_listed_watch()
    watch.refused("gone", NOW_S, 410)
    watch.page_arrived(a_page(version=8), NOW_S)

    watch.refused("gone", NOW_S, 410)

    assert watch.due_s > NOW_S
    assert watch.error == "gone"


def test_a_continue_token_that_expired_starts_the_list_anew() -> None:
    watch = a_watch()
    watch.page_arrived(a_page(an_object("a"), token="t"), NOW_S)

    watch.refused("token expired", NOW_S, 410)
    watch.page_arrived(a_page(an_object("b")), NOW_S)

    assert list(watch.objects) == ["b"]


def test_a_lost_connection_waits_longer_each_time_and_resumes_the_watch() -> None:
    watch = a_listed_watch(an_object("a"))
    delays = []
    for _ in range(30):
        watch.connection_failed("no route", NOW_S)
        delays.append(watch.due_s - NOW_S)

    assert delays[:3] == [0.5, 0.75, 1.125]
    assert max(delays) == 60
    assert watch.action == WatchObjects("7")
    assert watch.error == "no route"
    assert list(watch.objects) == ["a"]


def test_a_watch_that_lived_makes_the_next_wait_short_again() -> None:
    watch = a_listed_watch()
    for _ in range(10):
        watch.connection_failed("no route", NOW_S)
    watch.watch_opened(NOW_S)

    watch.connection_failed("reset", NOW_S + 60)

    assert watch.due_s == NOW_S + 60.5


def test_a_refusal_lists_again_later() -> None:
    watch = a_listed_watch(an_object("a"))

    watch.refused("forbidden", NOW_S, 403)

    assert watch.action == ListObjects("")
    assert watch.due_s == NOW_S + 0.5
    assert list(watch.objects) == ["a"]


def test_an_error_event_other_than_gone_lists_again_later() -> None:
    watch = a_listed_watch()
    watch.watch_opened(NOW_S)
    event = {"type": "ERROR", "object": {"code": 500, "message": "etcd is ill"}}

    assert not watch.event_arrived(event, NOW_S)

    assert "etcd is ill" in watch.error
    assert watch.due_s > NOW_S


def test_a_new_list_replaces_what_was_known() -> None:
    watch = a_listed_watch(an_object("a", "1"), an_object("b", "1"))
    kept = watch.objects["b"]
    watch.refused("gone", NOW_S, 410)

    watch.page_arrived(a_page(an_object("b", "1"), an_object("c", "1")), NOW_S)

    assert list(watch.objects) == ["b", "c"]
    assert watch.objects["b"] is kept
    assert watch.generation == 2


def test_an_equal_new_list_is_no_new_generation() -> None:
    watch = a_listed_watch(an_object("a", "1"))
    watch.refused("gone", NOW_S, 410)

    watch.page_arrived(a_page(an_object("a", "1")), NOW_S)

    assert watch.generation == 1


def test_objects_that_make_no_sense_are_counted_and_others_are_kept() -> None:
    watch = a_listed_watch(an_object("a", "bad"), an_object(""), an_object("b", "1"))

    assert watch.objects == {"b": "1"}
    assert watch.undecodable == 2


@pytest.mark.parametrize(
    "page",
    [
        pytest.param({}, id="empty"),
        pytest.param({"metadata": {"resourceVersion": "1"}}, id="no items"),
        pytest.param({"items": []}, id="no version"),
        pytest.param({"items": "x", "metadata": []}, id="other types"),
    ],
)
def test_an_answer_that_is_no_list_is_waited_out(page: dict) -> None:
    watch = a_watch()

    watch.page_arrived(page, NOW_S)

    assert not watch.synced
    assert watch.due_s > NOW_S
    assert "no list" in watch.error


json_values = st.recursive(
    st.none() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    *("metadata", "items", "name", "resourceVersion"),
                    *("type", "object", "code", "message", "continue"),
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=15,
)
kinds = st.sampled_from(["ADDED", "MODIFIED", "DELETED", "BOOKMARK", "ERROR", "x", 3])


@given(st.lists(st.tuples(kinds, json_values), max_size=10), json_values)
def test_any_answers_do_no_harm(events: list, page: Any) -> None:
    watch = ObjectWatch(str, Backoff(lambda: 0.5))

    watch.page_arrived(page if isinstance(page, dict) else {}, NOW_S)
    watch.watch_opened(NOW_S)
    for kind, thing in events:
        watch.event_arrived({"type": kind, "object": thing}, NOW_S)

    assert isinstance(watch.action, ListObjects | WatchObjects)
