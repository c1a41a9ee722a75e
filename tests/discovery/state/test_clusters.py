import pytest

from discovery.state.affiliate import Affiliate, Endpoint, Submission
from discovery.state.clusters import Clusters, Counts
from discovery.state.limits import LimitExceeded

MIN = 60 * 10**9
A = Submission("a", b"d", (b"e",), MIN)


def test_reading_and_deleting_make_no_cluster() -> None:
    clusters = Clusters()

    assert clusters.affiliates("unknown") == ()
    assert clusters.delete("unknown", "a") is None
    assert clusters.cluster_ids == ()


def test_clusters_know_nothing_of_each_other() -> None:
    clusters = Clusters()

    clusters.update("one", A, 0)

    assert [affiliate.id for affiliate in clusters.affiliates("one")] == ["a"]
    assert clusters.affiliates("two") == ()


def test_refused_update_makes_no_cluster() -> None:
    clusters = Clusters()
    too_many = Submission("a", b"", tuple(b"%d" % n for n in range(65)), MIN)

    with pytest.raises(LimitExceeded):
        clusters.update("c", too_many, 0)

    assert clusters.cluster_ids == ()


@pytest.mark.parametrize("watched", [True, False])
def test_sweep_drops_an_empty_cluster_unless_it_is_watched(watched: bool) -> None:
    clusters = Clusters()
    clusters.update("c", A, 0)

    clusters.sweep("c", MIN + 1, watched=watched)

    assert clusters.cluster_ids == (("c",) if watched else ())


def test_cluster_opened_by_a_watch_goes_with_it() -> None:
    clusters = Clusters()

    assert clusters.open("c") == ()
    clusters.sweep("c", 0, watched=True)
    assert clusters.cluster_ids == ("c",)
    clusters.sweep("c", 0, watched=False)
    assert clusters.cluster_ids == ()


def test_sweep_of_a_cluster_that_is_gone_is_nothing() -> None:
    assert Clusters().sweep("c", 0, watched=False) == ()


def test_one_record_can_be_asked_for() -> None:
    clusters = Clusters()
    clusters.update("c", A, 0)

    assert clusters.get("c", "a") == clusters.affiliates("c")[0]
    assert clusters.get("c", "b") is None
    assert clusters.get("unknown", "a") is None


def test_one_cluster_too_many_is_refused() -> None:
    clusters = Clusters(clusters_max=1)
    clusters.open("c")

    with pytest.raises(LimitExceeded):
        clusters.update("other", A, 0)

    assert clusters.cluster_ids == ("c",)


def test_update_between_two_sweeps_is_never_lost() -> None:
    # The orphan of discovery.md 8, number 12.
    clusters = Clusters()
    clusters.open("c")
    clusters.sweep("c", 0, watched=False)

    clusters.update("c", A, 0)

    assert len(clusters.affiliates("c")) == 1


def test_everything_is_counted() -> None:
    clusters = Clusters()
    clusters.update("one", A, 0)
    clusters.update("two", A, 0)
    clusters.open("three")
    clusters.put("three", Affiliate("b", b"d", 0, (Endpoint(b"e", 0),)))
    clusters.put("three", Affiliate("b", b"d", MIN, ()))
    assert clusters.count() == Counts(clusters=3, affiliates=3, endpoints=2)

    clusters.delete("one", "a")
    clusters.sweep("two", MIN + 1, watched=False)

    assert clusters.count() == Counts(clusters=2, affiliates=1, endpoints=0)


def test_room_is_there_for_who_exists_or_could() -> None:
    clusters = Clusters(clusters_max=1)
    for number in range(1024):
        clusters.update("c", Submission(f"a{number}", b"d", (), MIN), 0)

    clusters.require_room("c", "a7")
    with pytest.raises(LimitExceeded):
        clusters.require_room("c", "new")
    with pytest.raises(LimitExceeded):
        clusters.require_room("other", "new")


def test_cluster_is_dropped_only_if_it_is_empty() -> None:
    clusters = Clusters()
    clusters.open("empty")
    clusters.update("c", A, 0)

    for cluster_id in ("empty", "c", "unknown"):
        clusters.drop_if_empty(cluster_id)

    assert clusters.cluster_ids == ("c",)
