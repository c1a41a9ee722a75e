"""Who watches which cluster; how many there may be."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from discovery.metrics.metrics import Metrics
from discovery.service.audience import Audience, Watch
from discovery.service.pace import Pace
from discovery.service.refusal import Exhausted
from discovery.service.timer import LoopTimer, Timer
from discovery.service.warm_up import WarmUp, hold
from discovery.settings import Settings
from discovery.state.cluster import Change


@dataclass(frozen=True, slots=True)
class WatchLimits:
    """How many watches may be open at once, of all clusters and of one."""

    watches_max: int = 100_000
    watches_per_cluster_max: int = 4_096


class Watchers:
    """Every open watch, by cluster. Of a cluster that nobody watches nothing is kept.

    Args:
        limits: of watches.
        pace: how long changes wait to be told together.
        warm_up: when a cluster may be seen after a restart.
        metrics: counts what is told.
        timer: the loop, unless a test has another clock.
    """

    def __init__(
        self,
        limits: WatchLimits | None = None,
        pace: Pace | None = None,
        warm_up: WarmUp | None = None,
        metrics: Metrics | None = None,
        timer: Timer | None = None,
    ) -> None:
        self._limits = limits or WatchLimits()
        self._pace = pace or Pace()
        self._warm_up = warm_up or WarmUp()
        self._metrics = metrics or Metrics()
        self._timer = timer or LoopTimer()
        self._audience_by_cluster: dict[str, Audience] = {}
        self._count = 0
        self._closed = False

    def __len__(self) -> int:
        return self._count

    @property
    def watches(self) -> tuple[Watch, ...]:
        """Every open watch. Cost: O(n) in watches."""
        audiences = self._audience_by_cluster.values()
        return tuple(watch for audience in audiences for watch in audience.watches)

    def is_watched(self, cluster_id: str) -> bool:
        """Tell whether somebody watches a cluster."""
        return cluster_id in self._audience_by_cluster

    @contextmanager
    def opened(self, cluster_id: str) -> Iterator[Watch]:
        """Open a watch, to be begun and read until it ends.

        Raises:
            Exhausted: one watch too many.
        """
        audience = self._audience_with_room(cluster_id)
        self._audience_by_cluster[cluster_id] = audience
        watch = audience.join()
        self._count += 1
        if self._closed:
            watch.close()
        try:
            yield watch
        finally:
            self._count -= 1
            audience.leave(watch)
            if not audience:
                del self._audience_by_cluster[cluster_id]

    async def warm_up(self, cluster_id: str) -> None:
        """Wait until a cluster that may be coming back can be seen."""
        await hold(self._warm_up, cluster_id, self._timer.now_s)

    def announce(self, cluster_id: str, change: Change) -> None:
        """Tell every watcher of a cluster, soon. Cost: O(1)."""
        if change.created:
            self._warm_up.added(cluster_id, self._timer.now_s())
        audience = self._audience_by_cluster.get(cluster_id)
        if audience is not None:
            audience.announce(change)

    def close(self) -> None:
        """End all watches, and every one that is opened from here on."""
        self._closed = True
        for audience in self._audience_by_cluster.values():
            audience.close()

    def _audience_with_room(self, cluster_id: str) -> Audience:
        if self._count >= self._limits.watches_max:
            raise Exhausted("the service has no room for one more watch")
        audience = self._audience_by_cluster.get(cluster_id)
        if audience is None:
            return Audience(self._pace, self._timer, self._metrics)
        if len(audience) >= self._limits.watches_per_cluster_max:
            raise Exhausted("the cluster has no room for one more watch")
        return audience


def watchers_from_settings(settings: Settings, metrics: Metrics) -> Watchers:
    """Return what the operator wants; call it in the loop, when the service starts."""
    timer = LoopTimer()
    return Watchers(
        WatchLimits(settings.watches_max, settings.watches_per_cluster_max),
        Pace(settings.fan_out_delay_s),
        WarmUp(settings.warm_up_s, timer.now_s()),
        metrics,
        timer,
    )
