from dataclasses import replace

import pytest

from kubespan.cli.discovery_records import (
    HEADER,
    SEALED_HEADER,
    WatchStory,
    header,
    line,
    plain_from_record,
    row,
)
from kubespan.drivers.discovery.seals import DiscoverySeals
from kubespan.protocol.discovery_records import SealedRecord
from tests.builders import a_mesh_part, a_secret, an_affiliate, endpoints

SEALS = DiscoverySeals(a_secret("cluster"))
OTHERS = DiscoverySeals(a_secret("another"))
AFFILIATE = an_affiliate("node-b")
JUNK = b"x" * 16


def a_record(seals: DiscoverySeals = SEALS, **changes: object) -> SealedRecord:
    update = seals.seal_own(AFFILIATE, bytes(12))
    record = SealedRecord(update.affiliate_id, update.data, update.endpoints)
    return replace(record, **changes)


def test_without_a_secret_only_sizes_and_a_beginning_are_shown():
    plain = plain_from_record("one", a_record(data=b"\x01" * 40), None)

    assert plain == {
        "service": "one",
        "id": "node-b",
        "sealed": {"bytes": 40, "endpoints": 1, "beginsWith": "01" * 16},
    }
    assert row(plain) == ["one", "node-b", "40", "1", "01" * 16]
    assert len(row(plain)) == len(header(opened=False)) == len(SEALED_HEADER)


def test_with_the_secret_what_is_inside_is_shown():
    plain = plain_from_record("one", a_record(), SEALS.open)

    assert plain["affiliate"]["hostname"] == "node-b.example"
    assert plain["affiliate"]["kubespan"]["endpoints"] == ["192.0.2.7:51820"]
    service, name, machine_type, address, *_, node_id, note = row(plain)
    assert (service, name, machine_type) == ("one", "node-b.example", "worker")
    assert address.startswith("fd7f:")
    assert (node_id, note) == ("node-b", "")
    assert len(row(plain)) == len(header(opened=True)) == len(HEADER)


@pytest.mark.parametrize(
    ("record", "note"),
    [
        pytest.param(
            a_record(OTHERS), "does not open with this cluster's secret", id="others'"
        ),
        pytest.param(
            a_record(data=b""), "no data; 1 endpoint told by others", id="no data"
        ),
        pytest.param(
            a_record(affiliate_id="thief"), "says it is node-b", id="another ID"
        ),
        pytest.param(
            a_record(endpoints=(JUNK, JUNK)), "unreadable: 2 endpoints", id="junk"
        ),
    ],
)
def test_what_is_odd_about_a_record_is_noted(record: SealedRecord, note: str):
    plain = plain_from_record("one", record, SEALS.open)

    assert row(plain)[-1] == plain["note"] == note


def test_node_without_a_name_has_a_dash():
    unnamed = an_affiliate("node-b", hostname="", nodename="", addresses=())
    update = SEALS.seal_own(unnamed, bytes(12))
    record = SealedRecord("node-b", update.data)

    assert row(plain_from_record("one", record, SEALS.open))[1] == "-"


def test_first_message_is_the_snapshot_and_then_things_come_change_and_go():
    story = WatchStory("one", None)
    b, c = SealedRecord("b", b"1"), SealedRecord("c", b"1")

    told = [
        *story.tell((b,), deleted=False),
        *story.tell((b, c), deleted=False),
        *story.tell((b,), deleted=True),
        *story.tell((b,), deleted=False),
    ]

    assert [(one["event"], one.get("id", one.get("count"))) for one in told] == [
        ("snapshot", 1),
        ("created", "b"),
        ("updated", "b"),
        ("created", "c"),
        ("destroyed", "b"),
        ("created", "b"),
    ]


def test_each_event_is_one_line():
    sealed = WatchStory("one", None)
    opened = WatchStory("one", SEALS.open)
    part = a_mesh_part("node-b", endpoints=endpoints("192.0.2.7:1", "192.0.2.7:2"))
    update = SEALS.seal_own(replace(AFFILIATE, kubespan=part), bytes(12))
    record = SealedRecord("node-b", update.data, update.endpoints)

    lines = [
        line(event, "12:00:00")
        for event in (
            *sealed.tell((SealedRecord("b", b"12", (JUNK,)),), deleted=False),
            *sealed.tell((SealedRecord("b", b"123"),), deleted=False),
            *sealed.tell((SealedRecord("b", b""),), deleted=True),
            *opened.tell((record,), deleted=False),
        )
    ]

    assert lines[:5] == [
        "12:00:00  one  snapshot: 1 affiliate",
        "12:00:00  one  + b  2 bytes, 1 endpoint",
        "12:00:00  one  ~ b  3 bytes, 0 endpoints",
        "12:00:00  one  - b",
        "12:00:00  one  snapshot: 1 affiliate",
    ]
    assert lines[5].startswith("12:00:00  one  + node-b.example  worker  fd7f:")
    assert '["192.0.2.7:1","192.0.2.7:2"]' in lines[5]
