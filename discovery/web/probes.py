"""What orchestrators ask: does it live, should clients come here, what it counted.

Alive means the event loop turns: an outage of the store is no reason for a restart,
which would lose what is known.
"""

import asyncio
import json

from aiohttp import web

from discovery.metrics.exposition import Exposition
from discovery.web.site import Site

METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def probe_routes(site: Site, *, details: bool) -> list[web.RouteDef]:
    """Return ``/healthz`` and ``/readyz``.

    Args:
        site: whose.
        details: whether reasons are told in sentences, which may name hosts and paths.
    """

    async def healthz(_request: web.Request) -> web.Response:
        return web.Response(text="ok\n")

    async def readyz(_request: web.Request) -> web.Response:
        readiness = site.readiness()
        problems = readiness.problems
        said = {"ready": not problems, "reasons": problems if details else [*problems]}
        if details and readiness.notices:
            said["notices"] = readiness.notices
        return web.Response(
            status=503 if problems else 200,
            text=json.dumps(said) + "\n",
            content_type="application/json",
        )

    return [
        web.get("/healthz", healthz, name="healthz"),
        web.get("/readyz", readyz, name="readyz"),
    ]


def metrics_route(site: Site) -> web.RouteDef:
    """Return ``/metrics``; the page is written in a thread, one at a time."""
    exposition = Exposition(site.metrics, site.version)
    turn = asyncio.Lock()

    async def metrics(_request: web.Request) -> web.Response:
        async with turn:
            exposition.observe()
            page = await asyncio.to_thread(exposition.render)
        return web.Response(body=page, headers={"Content-Type": METRICS_TYPE})

    return web.get("/metrics", metrics, name="metrics")
