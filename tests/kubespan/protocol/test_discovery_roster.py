import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubespan.protocol import discovery_roster
from kubespan.protocol.discovery_records import KeptRecord, OpenedRecord, SealedRecord
from kubespan.protocol.discovery_roster import DiscoveryRoster, Listing
from tests.builders import an_affiliate

OWN = "me"
NOW_NS = 1_700_000_000_000_000_000


def a_record(
    affiliate_id: str, node_id: str = "", data: bytes = b"d", hostname: str = ""
) -> OpenedRecord:
    """A record that opened; under its own ID unless another is given."""
    affiliate = an_affiliate(node_id or affiliate_id, hostname=hostname)
    return OpenedRecord(SealedRecord(affiliate_id, data), affiliate)


def an_unreadable(affiliate_id: str) -> OpenedRecord:
    return OpenedRecord(SealedRecord(affiliate_id, b"junk"), None)


def a_roster(*affiliate_ids: str) -> DiscoveryRoster:
    """A roster whose service lists these; already told."""
    roster = DiscoveryRoster(OWN)
    roster.snapshot_arrived(map(a_record, affiliate_ids), NOW_NS)
    roster.changes()
    return roster


def said(roster: DiscoveryRoster) -> dict[str, str]:
    """What changed, in one word per node ID."""
    changes = roster.changes()
    words = {
        listing.affiliate.node_id: "missing" if listing.missing else "listed"
        for listing in changes.put
    }
    return words | dict.fromkeys(changes.removed, "removed")


@pytest.mark.checklist(30)
def test_snapshot_is_told_without_ourselves():
    roster = DiscoveryRoster(OWN)

    roster.snapshot_arrived([a_record("b"), a_record(OWN), a_record("a")], NOW_NS)

    assert said(roster) == {"a": "listed", "b": "listed"}
    assert roster.affiliates == 2


def test_nothing_is_told_twice():
    roster = a_roster("a")

    assert not roster.changes()


@pytest.mark.checklist(30)
def test_later_records_are_added_and_replaced():
    roster = a_roster("a")

    roster.updated([a_record("a", data=b"new", hostname="moved"), a_record("b")])

    changes = roster.changes()
    assert [listing.affiliate.hostname for listing in changes.put] == ["moved", ""]


def test_who_a_snapshot_lacks_is_missing_and_kept():
    roster = a_roster("a", "b")

    roster.snapshot_arrived([a_record("a")], NOW_NS)

    assert said(roster) == {"b": "missing"}
    assert roster.affiliates == 1


@pytest.mark.parametrize("how", ["update", "snapshot"])
def test_missing_one_that_reappears_is_listed_again(how: str):
    roster = a_roster("a")
    known = roster.find("a")
    assert known is not None
    roster.snapshot_arrived([], NOW_NS)
    roster.changes()

    if how == "update":
        roster.updated([known])
    else:
        roster.snapshot_arrived([known], NOW_NS)

    assert said(roster) == {"a": "listed"}


def test_record_without_data_says_nothing():
    roster = a_roster("a")

    roster.updated([OpenedRecord(SealedRecord("b", b""), None)])

    assert said(roster) == {}
    assert roster.skipped == 0


def test_record_without_data_in_a_snapshot_does_not_list_its_node():
    roster = a_roster("a")

    roster.snapshot_arrived([OpenedRecord(SealedRecord("a", b""), None)], NOW_NS)

    assert said(roster) == {"a": "missing"}


@pytest.mark.checklist(25)
def test_unreadable_record_is_counted_and_its_older_version_kept():
    roster = a_roster("a")

    roster.snapshot_arrived([an_unreadable("a"), a_record("b")], NOW_NS)

    assert said(roster) == {"b": "listed"}
    assert roster.skipped == 1


def test_deletion_is_held_back_until_confirmed():
    roster = a_roster("a", "b")

    roster.deleted(["a", "unknown"])

    assert said(roster) == {}
    assert roster.ask()
    roster.listed([a_record("b")])
    assert said(roster) == {"a": "removed"}


def test_deletion_that_is_not_confirmed_refreshes_the_node():
    roster = a_roster("a")
    roster.deleted(["a"])
    roster.ask()

    roster.listed([a_record("a", data=b"new", hostname="still here")])

    (listing,) = roster.changes().put
    assert listing.affiliate.hostname == "still here"
    assert not roster.ask()


def test_deletion_after_the_question_is_not_judged_by_its_answer():
    roster = a_roster("a", "b")
    roster.deleted(["a"])
    roster.ask()
    roster.deleted(["b"])

    roster.listed([a_record("b")])

    assert said(roster) == {"a": "removed"}
    assert roster.doubts


def test_update_after_a_deletion_settles_the_doubt():
    roster = a_roster("a")
    roster.deleted(["a"])
    roster.ask()

    roster.updated([a_record("a", data=b"new")])
    roster.listed([])

    assert said(roster) == {"a": "listed"}


def test_unanswered_question_is_asked_again():
    roster = a_roster("a")
    roster.deleted(["a"])
    roster.ask()

    roster.list_failed()

    assert said(roster) == {}
    assert roster.ask()


def test_snapshot_that_lacks_a_doubted_node_confirms_its_deletion():
    roster = a_roster("a", "b")
    roster.deleted(["a"])

    roster.snapshot_arrived([], NOW_NS)

    assert said(roster) == {"a": "removed", "b": "missing"}


def test_deletion_of_a_missing_node_can_be_confirmed():
    roster = a_roster("a")
    roster.snapshot_arrived([], NOW_NS)
    roster.changes()

    roster.deleted(["a"])
    roster.ask()
    roster.listed([])

    assert said(roster) == {"a": "removed"}


@pytest.mark.checklist(26)
def test_node_is_known_by_the_id_inside():
    roster = DiscoveryRoster(OWN)

    roster.updated([a_record("envelope", node_id="inner")])

    assert said(roster) == {"inner": "listed"}


def test_envelope_that_describes_another_node_no_longer_describes_the_first():
    roster = DiscoveryRoster(OWN)
    roster.updated([a_record("envelope", node_id="first")])
    roster.changes()

    roster.updated([a_record("envelope", node_id="second", data=b"new")])

    assert said(roster) == {"first": "removed", "second": "listed"}


@pytest.mark.parametrize(
    ("envelopes", "winner"),
    [
        pytest.param(["z", "node", "a"], "node", id="the one of that name"),
        pytest.param(["z", "b", "y"], "b", id="else the lowest"),
    ],
)
def test_one_of_several_claims_wins_and_the_conflict_is_counted(
    envelopes: list[str], winner: str
):
    roster = DiscoveryRoster(OWN)

    roster.updated([a_record(name, "node", hostname=name) for name in envelopes])

    (listing,) = roster.changes().put
    assert listing.affiliate.hostname == winner
    assert roster.contested == 1


def test_claim_that_is_listed_wins_over_one_that_is_missing():
    roster = DiscoveryRoster(OWN)
    roster.updated([a_record("a", "node", hostname="a")])

    roster.snapshot_arrived([a_record("b", "node", hostname="b")], NOW_NS)

    (listing,) = roster.changes().put
    assert listing == Listing(an_affiliate("node", hostname="b"), missing=False)


def test_when_the_winner_goes_the_other_claim_holds():
    roster = DiscoveryRoster(OWN)
    roster.updated([a_record("node"), a_record("other", "node", hostname="other")])
    roster.changes()
    roster.deleted(["node"])
    roster.ask()

    roster.listed([a_record("other", "node")])

    (listing,) = roster.changes().put
    assert listing.affiliate.hostname == "other"
    assert roster.contested == 0


def test_record_that_claims_to_be_us_is_refused():
    roster = DiscoveryRoster(OWN)

    roster.updated([a_record("envelope", node_id=OWN)])

    assert said(roster) == {}
    assert roster.skipped == 1


def test_endpoints_that_did_not_open_are_counted_once():
    roster = DiscoveryRoster(OWN)
    record = OpenedRecord(SealedRecord("a", b"d"), an_affiliate("a"), 3)

    roster.updated([record])
    roster.updated([record])

    assert roster.skipped_endpoints == 3


def test_full_roster_forgets_the_longest_missing_first(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(discovery_roster, "ENTRIES_MAX", 3)
    roster = a_roster("a", "b", "c")
    roster.snapshot_arrived([a_record("a"), a_record("c")], NOW_NS)
    roster.snapshot_arrived([a_record("a")], NOW_NS + 1)
    roster.changes()

    roster.updated([a_record("d")])

    assert said(roster) == {"b": "removed", "d": "listed"}


def test_full_roster_refuses_strangers_and_counts_them(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(discovery_roster, "ENTRIES_MAX", 2)
    roster = a_roster("a", "b")

    roster.updated([a_record("c"), a_record("a", data=b"new", hostname="known")])

    assert said(roster) == {"a": "listed"}
    assert roster.skipped == 1


def test_what_is_kept_can_be_restored():
    roster = a_roster("a", "b")
    roster.snapshot_arrived([a_record("a")], NOW_NS)
    kept = list(roster.kept_records())
    restored = DiscoveryRoster(OWN)

    for record in kept:
        affiliate_id = record.sealed.affiliate_id
        restored.restored(a_record(affiliate_id), record.missing_since_ns)

    assert kept == [
        KeptRecord(SealedRecord("a", b"d")),
        KeptRecord(SealedRecord("b", b"d"), NOW_NS),
    ]
    assert said(restored) == {"a": "listed", "b": "missing"}


def test_kept_record_that_does_not_open_is_dropped():
    roster = DiscoveryRoster(OWN)

    roster.restored(an_unreadable("a"), 0)

    assert said(roster) == {}


IDS = st.sampled_from([OWN, "a", "b", "c", "d"])
RECORDS = st.lists(
    st.builds(
        OpenedRecord,
        st.builds(SealedRecord, IDS, st.sampled_from([b"", b"1", b"2"])),
        st.none() | st.builds(an_affiliate, IDS),
        st.integers(0, 2),
    ),
    max_size=5,
)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("snapshot"), RECORDS),
        st.tuples(st.just("updated"), RECORDS),
        st.tuples(st.just("deleted"), st.lists(IDS)),
        st.tuples(st.just("ask"), st.none()),
        st.tuples(st.just("listed"), RECORDS),
        st.tuples(st.just("failed"), st.none()),
        st.tuples(st.just("told"), st.none()),
    ),
    max_size=25,
)


@given(STEPS)
def test_whatever_is_heard_the_changes_add_up_and_we_are_never_in_them(steps: list):
    roster = DiscoveryRoster(OWN)
    known: dict[str, bool] = {}
    for what, value in [*steps, ("told", None)]:
        match what:
            case "snapshot":
                roster.snapshot_arrived(value, NOW_NS)
            case "updated":
                roster.updated(value)
            case "deleted":
                roster.deleted(value)
            case "ask":
                roster.ask()
            case "listed":
                roster.listed(value)
            case "failed":
                roster.list_failed()
            case _:
                changes = roster.changes()
                for listing in changes.put:
                    known[listing.affiliate.node_id] = listing.missing
                for node_id in changes.removed:
                    del known[node_id]

    inner = {
        found.affiliate.node_id
        for record in roster.kept_records()
        if (found := roster.find(record.sealed.affiliate_id)) and found.affiliate
    }
    assert known.keys() == inner
    assert OWN not in known
