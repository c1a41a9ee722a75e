"""What the pages and probes show, and where they get it."""

from collections.abc import Callable
from dataclasses import dataclass

from discovery.metrics.metrics import Metrics
from discovery.service.store import StoreHealth
from discovery.settings import Settings
from discovery.state.clusters import Clusters


@dataclass(frozen=True, slots=True)
class Readiness:
    """Whether clients should be sent here.

    Attributes:
        listening: the API can be connected to.
        draining: told to stop; clients are being sent away.
        store: how the store is.
    """

    listening: bool
    draining: bool
    store: StoreHealth

    @property
    def problems(self) -> dict[str, str]:
        """What keeps clients away: a word for each, and a sentence for the operator.

        Empty: ready.
        """
        problems: dict[str, str] = {}
        if not self.listening:
            problems["starting"] = "the API is not listening"
        if self.draining:
            problems["draining"] = "clients are being sent away before the stop"
        if not self.store.ready:
            problems["store"] = self.store.problem or "the store is not ready"
        return problems

    @property
    def notices(self) -> dict[str, str]:
        """What is wrong although clients are welcome, such as a full disk."""
        is_notice = self.store.ready and self.store.problem
        return {"store": self.store.problem} if is_notice else {}


@dataclass(frozen=True, slots=True)
class Site:
    """Everything the pages and probes need.

    Attributes:
        settings: where and what is served.
        clusters: read only.
        metrics: read, and told of every page.
        readiness: how the service is now; costs nothing.
        now_ns: monotonic clock.
        version: of this program.
    """

    settings: Settings
    clusters: Clusters
    metrics: Metrics
    readiness: Callable[[], Readiness]
    now_ns: Callable[[], int]
    version: str
