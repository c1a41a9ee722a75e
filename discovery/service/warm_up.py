"""After a crash, clients wait for each other a moment before they see their cluster.

All of them come back within a second. To the first of them the cluster would be empty,
and it would drop its peers. So the first message of a watch is held back until nobody
has been added for a moment. Pure but for ``hold``.

Source: discovery.md 8, number 19.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

# How long nobody may have been added for a cluster to be whole.
CALM_S = 0.25
# Whoever watches later than this after the start was away for another reason.
RETURN_S = 60.0


@dataclass(slots=True)
class _Return:
    """How a cluster comes back."""

    called_s: float
    added_s: float


class WarmUp:
    """Told who comes back; knows when a cluster may be seen.

    Args:
        hold_max_s: since the first call of a cluster; zero: nobody waits.
        started_s: when the service started; monotonic.
    """

    def __init__(self, hold_max_s: float = 0.0, started_s: float = 0.0) -> None:
        self._hold_max_s = hold_max_s
        self._end_s = started_s + RETURN_S if hold_max_s else float("-inf")
        self._return_by_cluster: dict[str, _Return] = {}

    def called(self, cluster_id: str, now_s: float) -> None:
        """Note that a client of a cluster is back."""
        if self._is_over(now_s):
            return
        self._return_by_cluster.setdefault(cluster_id, _Return(now_s, now_s))

    def added(self, cluster_id: str, now_s: float) -> None:
        """Note that a cluster has one more affiliate."""
        if self._is_over(now_s):
            return
        known = self._return_by_cluster.setdefault(cluster_id, _Return(now_s, now_s))
        known.added_s = now_s

    def due_s(self, cluster_id: str, now_s: float) -> float:
        """Return when a cluster may be seen, as far as is known now."""
        known = self._return_by_cluster.get(cluster_id)
        if self._is_over(now_s) or known is None:
            return now_s
        return min(known.called_s + self._hold_max_s, known.added_s + CALM_S)

    def _is_over(self, now_s: float) -> bool:
        if now_s < self._end_s:
            return False
        self._return_by_cluster.clear()
        return True


async def hold(warm_up: WarmUp, cluster_id: str, now_s: Callable[[], float]) -> None:
    """Wait until a cluster may be seen; one that is called for the first time, too."""
    warm_up.called(cluster_id, now_s())
    while True:
        wait_s = warm_up.due_s(cluster_id, now_s()) - now_s()
        if wait_s <= 0:
            return
        await asyncio.sleep(wait_s)
