"""Pages and probes on loopback, of clusters that a test fills in."""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from discovery.metrics.metrics import Metrics
from discovery.service.store import StoreHealth
from discovery.settings import Settings
from discovery.state.affiliate import Affiliate, Endpoint
from discovery.state.clusters import Clusters
from discovery.state.limits import NS_PER_S
from discovery.web.serving import serve_landing, serve_metrics
from discovery.web.site import Readiness, Site

WELL = Readiness(listening=True, draining=False, store=StoreHealth(ready=True))


@dataclass
class World:
    """What the pages are about; a test changes it while they are served."""

    clusters: Clusters = field(default_factory=Clusters)
    metrics: Metrics = field(default_factory=Metrics)
    readiness: Readiness = WELL
    now_ns: int = 1_000 * NS_PER_S

    def put(
        self,
        affiliate_id: str,
        data: bytes = b"",
        endpoints: Iterable[bytes] = (),
        *,
        cluster_id: str = "c",
        life_s: int = 1800,
    ) -> None:
        expires_ns = self.now_ns + life_s * NS_PER_S
        stored = tuple(Endpoint(endpoint, expires_ns) for endpoint in endpoints)
        affiliate = Affiliate(affiliate_id, data, expires_ns, stored)
        self.clusters.put(cluster_id, affiliate)

    def site(self, **settings: Any) -> Site:
        wanted = {"landing_addr": "127.0.0.1:0", "metrics_addr": "127.0.0.1:0"}
        return Site(
            Settings(**{**wanted, **settings}),
            self.clusters,
            self.metrics,
            lambda: self.readiness,
            lambda: self.now_ns,
            "1.2.3",
        )


@asynccontextmanager
async def pages(world: World, **settings: Any) -> AsyncIterator[str]:
    """Serve the landing address; yields its URL without a slash."""
    site = world.site(**settings)
    async with serve_landing(site) as address:
        yield f"{'https' if site.settings.landing_tls else 'http'}://{address}"


@asynccontextmanager
async def probes(world: World, **settings: Any) -> AsyncIterator[str]:
    """Serve the metrics address; yields its URL without a slash."""
    async with serve_metrics(world.site(**settings)) as address:
        yield f"http://{address}"
