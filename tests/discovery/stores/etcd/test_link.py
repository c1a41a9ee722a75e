import asyncio
import logging

import pytest

from discovery.stores.etcd.link import (
    REMIND_NS,
    REMIND_WAITING_NS,
    STEADY_NS,
    WAITING,
    Link,
)

GRACE_NS = 10**10


class Clock:
    ns = 0

    def __call__(self) -> int:
        return self.ns


def a_link() -> tuple[Link, Clock]:
    clock = Clock()
    return Link(clock, GRACE_NS), clock


def test_link_begins_down_with_a_reason() -> None:
    link, _ = a_link()

    assert not link.is_up
    assert not link.may_remove
    assert link.problem


def test_first_connection_may_remove_at_once() -> None:
    link, _ = a_link()

    link.fall("not yet")
    link.rise()

    assert link.is_up
    assert link.may_remove
    assert link.problem == ""


def test_after_an_outage_nothing_is_removed_for_a_while() -> None:
    link, clock = a_link()
    link.rise()
    link.fall("gone")
    link.rise()

    clock.ns = GRACE_NS - 1
    assert not link.may_remove
    clock.ns = GRACE_NS
    assert link.may_remove


async def test_who_waits_for_the_link_is_woken() -> None:
    link, _ = a_link()
    asyncio.get_running_loop().call_soon(link.rise)

    await asyncio.wait_for(link.wait_up(), 1)


async def test_doubt_is_heard_once() -> None:
    link, _ = a_link()
    link.rise()
    link.doubt("write failed")

    await link.wait_doubted(60)
    again = asyncio.create_task(link.wait_doubted(60))
    await asyncio.sleep(0.01)

    assert not again.done()
    again.cancel()
    assert link.problem == "write failed"


def test_write_that_succeeds_ends_the_problem_unless_nothing_is_heard() -> None:
    link, _ = a_link()
    link.rise()
    link.doubt("no space")
    link.trust()
    assert link.problem == ""

    link.fall("gone")
    link.trust()
    assert link.problem == "gone"


def test_outage_is_logged_once_and_then_now_and_then(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    link, clock = a_link()
    link.rise()

    for _ in range(100):
        link.fall("gone")
    clock.ns = REMIND_NS
    link.fall("gone")
    link.rise()

    assert caplog.messages == [
        "etcd: not connected",
        "etcd: not connected",
        "etcd: connected",
    ]


def test_who_waits_for_etcd_at_the_start_is_told_what_to_do(
    caplog: pytest.LogCaptureFixture,
) -> None:
    link, clock = a_link()

    link.fall("refused")
    clock.ns = REMIND_WAITING_NS
    link.fall("refused")
    link.fall("refused")

    assert caplog.messages == [WAITING, WAITING]
    assert "--etcd-endpoints" in WAITING


def test_link_is_steady_once_it_stood_for_a_while() -> None:
    link, clock = a_link()
    link.rise()

    assert not link.is_steady
    clock.ns += STEADY_NS
    assert link.is_steady
    link.fall("gone")
    assert not link.is_steady


def test_writes_that_fail_now_and_then_do_not_fill_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    link, clock = a_link()
    link.rise()
    caplog.clear()

    for _ in range(100):
        link.doubt("no answer in time")
        link.trust()
    clock.ns += REMIND_NS
    link.doubt("no answer in time")

    assert caplog.messages == ["etcd: a write failed"] * 2
