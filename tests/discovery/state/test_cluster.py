import pytest
from hypothesis import given
from hypothesis import strategies as st

from discovery.service.watch_messages import encode_changes
from discovery.state.affiliate import Affiliate, Submission, says_the_same
from discovery.state.cluster import Change, Cluster, Tally
from discovery.state.limits import LimitExceeded

MIN = 60 * 10**9


def a_submission(
    affiliate_id: str, data: bytes = b"", *endpoints: bytes, ttl_ns: int = MIN
) -> Submission:
    return Submission(affiliate_id, data, endpoints, ttl_ns)


def test_first_update_creates_and_says_so() -> None:
    cluster = Cluster()

    change = cluster.update(a_submission("a", b"d", b"e"), 0)

    assert change is not None
    assert change.created
    assert change.affiliate == cluster.affiliates[0]


def test_update_with_nothing_creates_too() -> None:
    cluster = Cluster()

    change = cluster.update(a_submission("a", ttl_ns=0), 0)

    assert change is not None
    assert len(cluster) == 1


@pytest.mark.parametrize(
    "again",
    [
        pytest.param(a_submission("a"), id="nothing"),
        pytest.param(a_submission("a", b"", b"e"), id="a known endpoint"),
        pytest.param(a_submission("a", b"d"), id="the same data"),
    ],
)
def test_saying_the_same_again_extends_life_and_is_no_change(again: Submission) -> None:
    cluster = Cluster()
    cluster.update(a_submission("a", b"d", b"e"), 0)

    change = cluster.update(again, 5)

    assert change is None
    assert cluster.affiliates[0].expires_ns == MIN + 5


def test_full_cluster_takes_updates_but_no_newcomer() -> None:
    cluster = Cluster()
    for number in range(1024):
        cluster.update(a_submission(f"af{number}"), 0)

    change = cluster.update(a_submission("af7", b"new"), 0)

    assert change is not None
    with pytest.raises(LimitExceeded):
        cluster.update(a_submission("one more"), 0)
    assert len(cluster) == 1024


def test_refused_update_changes_nothing() -> None:
    cluster = Cluster()
    cluster.update(a_submission("a", b"d", b"e"), 0)
    before = cluster.affiliates
    too_many = [b"%d" % number for number in range(64)]

    with pytest.raises(LimitExceeded):
        cluster.update(a_submission("a", b"new", *too_many), 0)

    assert cluster.affiliates == before


def test_refused_first_update_creates_nothing() -> None:
    cluster = Cluster()
    too_many = [b"%d" % number for number in range(70)]

    with pytest.raises(LimitExceeded):
        cluster.update(a_submission("a", b"", *too_many), 0)

    assert len(cluster) == 0


def test_deleting_is_a_change_once() -> None:
    cluster = Cluster()
    cluster.update(a_submission("a", b"d"), 0)

    assert cluster.delete("a") == Change("a", None)
    assert cluster.delete("a") is None


def test_one_record_can_be_asked_for() -> None:
    cluster = Cluster()
    cluster.update(a_submission("a", b"d"), 0)

    assert cluster.get("a") == cluster.affiliates[0]
    assert cluster.get("b") is None


def test_expired_affiliate_is_a_deletion() -> None:
    cluster = Cluster()
    cluster.update(a_submission("a", b"d"), 0)
    cluster.update(a_submission("b", b"d", ttl_ns=2 * MIN), 0)

    changes = cluster.sweep(MIN + 1)

    assert changes == (Change("a", None),)
    assert [affiliate.id for affiliate in cluster.affiliates] == ["b"]


def test_expired_endpoint_is_an_update_with_those_left() -> None:
    # The reference sends a deletion here: discovery.md 2.4 and 8, number 8.
    cluster = Cluster()
    cluster.update(a_submission("a", b"d", b"e1", ttl_ns=2 * MIN), 0)
    cluster.update(a_submission("a", b"", b"e2", ttl_ns=MIN), 0)

    (change,) = cluster.sweep(MIN)

    assert change.affiliate is not None
    assert [endpoint.data for endpoint in change.affiliate.endpoints] == [b"e1"]
    assert change.affiliate.data == b"d"


def test_expired_record_is_kept_until_the_sweep() -> None:
    cluster = Cluster()

    cluster.update(a_submission("a", b"d", ttl_ns=-(10**30)), 0)

    assert len(cluster) == 1
    assert cluster.sweep(0) == (Change("a", None),)


def test_size_of_a_change_is_no_less_than_its_message() -> None:
    endpoints = tuple(bytes([n]) * 32 for n in range(64))
    full = a_submission("ä" * 128, bytes(2048), *endpoints)
    change = Cluster().update(full, 0)

    assert change is not None
    (message,) = encode_changes([change])
    assert len(message) <= change.size_bytes <= len(message) + 16
    deletion = Change("a", None)
    assert deletion.size_bytes == 17


steps = st.one_of(
    st.builds(
        Submission,
        affiliate_id=st.sampled_from("abc"),
        data=st.sampled_from([b"", b"x", b"y"]),
        endpoints=st.sets(st.sampled_from([b"1", b"2", b"3"])).map(tuple),
        ttl_ns=st.integers(-2, 10),
    ),
    st.sampled_from("abc"),  # delete
    st.none(),  # sweep
)


@given(st.lists(steps))
def test_changes_rebuild_what_the_cluster_holds(history: list[object]) -> None:
    tally = Tally()
    cluster = Cluster(tally)
    seen: dict[str, Affiliate] = {}

    for now_ns, step in enumerate(history):
        changes: list[Change | None] = []
        if isinstance(step, Submission):
            changes = [cluster.update(step, now_ns)]
        elif isinstance(step, str):
            changes = [cluster.delete(step)]
        else:
            changes = [*cluster.sweep(now_ns)]
            assert all(a.expires_ns >= now_ns for a in cluster.affiliates)
        for change in changes:
            if change is None:
                continue
            if change.affiliate is None:
                del seen[change.affiliate_id]
            else:
                assert change.created == (change.affiliate_id not in seen)
                seen[change.affiliate_id] = change.affiliate

    assert {a.id for a in cluster.affiliates} == seen.keys()
    assert all(says_the_same(a, seen[a.id]) for a in cluster.affiliates)
    endpoints = sum(len(affiliate.endpoints) for affiliate in cluster.affiliates)
    assert tally == Tally(len(cluster), endpoints)
