"""How many affiliates there are, for anybody; an hour old at most.

Source: discovery.md 3.2.
"""

from aiohttp import web

from discovery.state.limits import NS_PER_S
from discovery.web.site import Site

FRESH_NS = 3600 * NS_PER_S
HEADERS = {"Content-Type": "application/json", "Access-Control-Allow-Origin": "*"}


class Stats:
    """The page ``/stats``.

    Counting costs nothing here; it is told hourly all the same, so that nobody can
    watch a cluster grow.
    """

    def __init__(self, site: Site) -> None:
        self._site = site
        self._affiliates = 0
        self._fresh_until_ns = 0

    def route(self) -> web.RouteDef:
        """Return the page, for every HTTP method."""
        return web.route("*", "/stats", self._answer, name="stats")

    async def _answer(self, _request: web.Request) -> web.Response:
        now_ns = self._site.now_ns()
        if now_ns >= self._fresh_until_ns:
            self._affiliates = self._site.clusters.count().affiliates
            self._fresh_until_ns = now_ns + FRESH_NS
        body = f'{{"affiliates":{self._affiliates}}}'.encode()
        return web.Response(body=body, headers=HEADERS)
