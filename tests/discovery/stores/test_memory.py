import asyncio

import pytest

from discovery.metrics.metrics import Metrics
from discovery.service.refusal import Unavailable
from discovery.state.cluster import Change
from discovery.state.clusters import Clusters
from discovery.state.limits import NS_PER_S
from discovery.stores.memory import Lasting, MemoryStore
from discovery.stores.restoring import Restored
from tests.discovery.records import NOW_NS, a_submission, an_affiliate

PATIENCE_S = 10.0


class FakeKeeper:
    """Remembers what it was told; its disk is as slow as the test wants."""

    def __init__(self, on_disk: asyncio.Event | None = None, problem: str = "") -> None:
        self.noted: list[tuple[str, str]] = []
        self.on_disk = on_disk
        self.problem = problem

    def note(self, cluster_id: str, affiliate_id: str) -> asyncio.Event | None:
        self.noted.append((cluster_id, affiliate_id))
        return self.on_disk

    async def open(self) -> None: ...

    async def run(self) -> None: ...

    async def finish(self) -> None: ...


class Parts:
    """A store and everything around it."""

    def __init__(
        self, keeper: FakeKeeper | None = None, restored: Restored | None = None
    ) -> None:
        self.clusters = Clusters()
        self.announced: list[tuple[str, Change]] = []
        self.metrics = Metrics()
        self.now_ns = NOW_NS
        self.watched: set[str] = set()
        self.store = MemoryStore(
            self.clusters,
            lambda cluster_id, change: self.announced.append((cluster_id, change)),
            lambda: self.now_ns,
            self.metrics,
            self.watched.__contains__,
            Lasting(keeper or FakeKeeper(), restored or Restored()),
        )


async def test_update_is_stored_announced_and_kept() -> None:
    keeper = FakeKeeper()
    its = Parts(keeper)

    await its.store.update("c", a_submission("a", ttl_s=60), PATIENCE_S)

    affiliate = its.clusters.get("c", "a")
    assert affiliate == an_affiliate("a", life_s=60)
    assert its.announced == [("c", Change("a", affiliate, created=True))]
    assert keeper.noted == [("c", "a")]


async def test_update_that_only_extends_a_life_is_kept_and_no_news() -> None:
    keeper = FakeKeeper()
    its = Parts(keeper)

    for _ in range(2):
        await its.store.update("c", a_submission("a"), PATIENCE_S)

    assert len(its.announced) == 1
    assert keeper.noted == [("c", "a")] * 2


async def test_deletion_of_the_known_is_kept_and_of_the_unknown_nothing() -> None:
    keeper = FakeKeeper()
    its = Parts(keeper)
    its.clusters.put("c", an_affiliate("a"))

    await its.store.delete("c", "a", PATIENCE_S)
    await its.store.delete("c", "a", PATIENCE_S)
    await its.store.delete("unknown", "a", PATIENCE_S)

    assert its.announced == [("c", Change("a", None))]
    assert keeper.noted == [("c", "a")]


@pytest.mark.parametrize("call", ["update", "delete"])
async def test_call_returns_once_the_disk_has_it(call: str) -> None:
    on_disk = asyncio.Event()
    its = Parts(FakeKeeper(on_disk))
    its.clusters.put("c", an_affiliate("a"))

    async with asyncio.TaskGroup() as group:
        if call == "update":
            calling = its.store.update("c", a_submission("a", b"e"), PATIENCE_S)
        else:
            calling = its.store.delete("c", "a", PATIENCE_S)
        waiting = group.create_task(calling)
        await asyncio.sleep(0.01)
        early = waiting.done()
        on_disk.set()

    assert not early
    assert len(its.announced) == 1


async def test_disk_slower_than_the_caller_can_wait_makes_it_try_again() -> None:
    its = Parts(FakeKeeper(asyncio.Event()))

    with pytest.raises(Unavailable):
        await its.store.update("c", a_submission("a"), patience_s=0.01)


async def test_what_a_sweep_removes_is_kept_announced_and_counted() -> None:
    # nobody waits for the disk in a sweep
    keeper = FakeKeeper(asyncio.Event())
    its = Parts(keeper)
    its.clusters.put("c", an_affiliate("dead", life_s=1))
    its.clusters.put("c", an_affiliate("alive", life_s=100))
    its.clusters.put("gone", an_affiliate("dead", life_s=1))
    its.clusters.put("watched", an_affiliate("dead", life_s=1))
    its.watched.add("watched")
    its.now_ns += 2 * NS_PER_S

    await its.store.sweep()

    assert its.clusters.cluster_ids == ("c", "watched")
    assert [cluster_id for cluster_id, _ in its.announced] == ["c", "gone", "watched"]
    assert keeper.noted == [("c", "dead"), ("gone", "dead"), ("watched", "dead")]
    assert its.metrics.sweeps == 1
    assert (its.metrics.clusters_swept, its.metrics.affiliates_swept) == (1, 3)


@pytest.mark.parametrize(
    ("restored", "was_restored"),
    [
        pytest.param(Restored(), True, id="first start of all"),
        pytest.param(
            Restored(ran_before=True, cluster_ids=frozenset({"c"})), True, id="found"
        ),
        pytest.param(
            Restored(ran_before=True, cluster_ids=frozenset({"o"})), False, id="lost"
        ),
    ],
)
def test_cluster_was_restored_unless_others_were(
    restored: Restored, was_restored: bool
) -> None:
    its = Parts(restored=restored)

    assert its.store.was_restored("c") is was_restored


def test_health_tells_what_is_wrong_with_the_disk() -> None:
    well, full = Parts(), Parts(FakeKeeper(problem="the disk is full"))

    assert well.store.health().problem == ""
    assert full.store.health().problem == "the disk is full"
    assert well.store.health().ready
    assert full.store.health().ready
