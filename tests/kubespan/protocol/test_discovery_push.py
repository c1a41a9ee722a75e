from math import inf

import pytest

from kubespan.protocol.discovery_push import Delete, Push, PushSchedule
from kubespan.protocol.discovery_records import Update

OLD = (Update("me", b"old"),)
NEW = (Update("me", b"new"),)
TTL_S = 1800.0


def a_schedule() -> PushSchedule:
    """A schedule that pushed OLD at 0."""
    schedule = PushSchedule(TTL_S)
    schedule.changed(OLD, 0)
    schedule.connected(0)
    schedule.take(0)
    schedule.pushed(0)
    return schedule


@pytest.mark.checklist(29)
def test_same_bytes_are_pushed_again_at_half_the_ttl():
    schedule = a_schedule()

    assert schedule.due_s == 900
    assert schedule.take(899.9) is None
    assert schedule.take(900) == Push(OLD, 30)


def test_nothing_is_due_while_a_push_is_under_way():
    schedule = a_schedule()
    schedule.take(900)

    assert schedule.due_s == inf
    assert schedule.take(2000) is None


@pytest.mark.checklist(29)
def test_change_is_pushed_at_once():
    schedule = a_schedule()

    schedule.changed(NEW, 10)

    assert schedule.take(10) == Push(NEW, 30)


def test_change_during_a_push_is_pushed_right_after_it():
    schedule = a_schedule()
    schedule.take(900)

    schedule.changed(NEW, 901)
    schedule.pushed(902)

    assert schedule.take(902) == Push(NEW, 30)


def test_nothing_to_say_is_never_due():
    schedule = a_schedule()

    schedule.changed((), 10)

    assert schedule.due_s == inf
    assert not schedule.has_something


@pytest.mark.checklist(32)
def test_refused_push_is_tried_again_after_the_delay():
    schedule = a_schedule()
    schedule.take(900)

    schedule.refused(901, 2.5)

    assert schedule.due_s == 903.5


def test_push_is_due_on_every_new_connection():
    schedule = a_schedule()
    schedule.take(900)

    schedule.connected(905)

    assert schedule.take(905) == Push(OLD, 30)


@pytest.mark.checklist(37)
def test_deletion_replaces_pushes_and_is_repeated():
    schedule = a_schedule()

    schedule.delete_requested(10)
    first = schedule.take(10)
    schedule.pushed(11)

    assert first == Delete(30)
    assert schedule.deleted
    assert schedule.take(911) == Delete(30)


def test_new_content_ends_a_deletion():
    schedule = a_schedule()
    schedule.delete_requested(10)
    schedule.take(10)
    schedule.pushed(11)

    schedule.changed(NEW, 12)

    assert not schedule.deleted
    assert schedule.take(12) == Push(NEW, 30)


def test_nothing_more_to_say_does_not_end_a_deletion():
    schedule = a_schedule()
    schedule.delete_requested(10)

    schedule.changed((), 11)

    assert schedule.take(11) == Delete(30)


def test_record_removed_by_others_is_put_back_soon():
    schedule = a_schedule()

    schedule.removed_by_others(100)

    assert schedule.due_s == 101


def test_record_replaced_by_others_is_put_back_ever_more_slowly():
    schedule = a_schedule()

    waits_s = []
    for _ in range(8):
        schedule.replaced_by_others(100)
        waits_s.append(schedule.due_s - 100)
        schedule.take(schedule.due_s)
        schedule.pushed(100)

    assert waits_s == [1, 2, 4, 8, 16, 32, 64, 64]


def test_record_replaced_because_we_leave_is_not_put_back():
    schedule = a_schedule()
    schedule.delete_requested(10)
    schedule.take(10)
    schedule.pushed(11)

    schedule.replaced_by_others(12)

    assert schedule.due_s == 911


def test_record_removed_because_we_leave_is_not_put_back():
    schedule = a_schedule()
    schedule.delete_requested(10)
    schedule.take(10)
    schedule.pushed(11)

    schedule.removed_by_others(12)

    assert schedule.due_s == 911
