"""The page ``/inspect``: the sealed records of one cluster.

Looking makes no cluster. The ID comes by GET, as links have it, or by POST, as our
form sends it: it lets its holder read and disturb a cluster, and addresses end up in
histories and logs.

Source: discovery.md 3.2, without its faults.
"""

import asyncio
from collections.abc import Iterator
from html import escape
from itertools import islice
from urllib.parse import parse_qs

from aiohttp import web

from discovery.service.client_address import (
    HeaderTrust,
    client_from_address,
    find_client_address,
)
from discovery.state.affiliate import Affiliate
from discovery.state.limits import CLUSTER_ID_BYTES_MAX, NS_PER_S
from discovery.state.rate_limit import RateLimiter
from discovery.web.landing import page_from_main, read_page
from discovery.web.records import article_from_affiliate, summary_from_affiliates
from discovery.web.site import Site

PATIENCE_NS = NS_PER_S
FORM_S = 5.0
FIELDS_MAX = 16
# Between two breaths: at most half a millisecond, and 200 KB.
ARTICLES_AT_ONCE = 16
_RESULTS = "<!--results-->"


class Inspection:
    """The page ``/inspect``.

    Args:
        site: whose clusters are shown.
        limiter: how often one client may look.
    """

    def __init__(self, site: Site, limiter: RateLimiter) -> None:
        self._site = site
        self._limiter = limiter
        self._trust = HeaderTrust(
            site.settings.trust_x_real_ip,
            site.settings.trust_first_x_forwarded_for,
            site.settings.trusted_proxies,
        )

    def routes(self) -> list[web.RouteDef]:
        """Return the page."""
        return [
            web.get("/inspect", self._by_get, name="inspect"),
            web.post("/inspect", self._by_post, name="inspect-post"),
        ]

    async def _by_get(self, request: web.Request) -> web.StreamResponse:
        return await self._answer(request, request.query.get("clusterID", ""))

    async def _by_post(self, request: web.Request) -> web.StreamResponse:
        if request.content_type != "application/x-www-form-urlencoded":
            raise web.HTTPUnsupportedMediaType
        async with asyncio.timeout(FORM_S):
            form = await request.read()
        return await self._answer(request, _cluster_id_from_form(form))

    async def _answer(
        self, request: web.Request, cluster_id: str
    ) -> web.StreamResponse:
        if not cluster_id:
            return self._response("", "", 200)
        if not _is_cluster_id(cluster_id):
            said = f"A cluster ID has at most {CLUSTER_ID_BYTES_MAX} bytes of UTF-8."
            return self._response("", f'<p class="bad" role="alert">{said}</p>', 400)
        if request.method == "HEAD":
            return self._response(cluster_id, "", 200)
        await self._wait_for_turn(request)
        return await self._show(request, cluster_id)

    def _page(self, cluster_id: str, results: str) -> str:
        main = read_page("inspect.html").substitute(
            cluster_id=escape(cluster_id), results=results
        )
        return page_from_main("Inspect a cluster", main, self._site.version)

    def _response(self, cluster_id: str, results: str, status: int) -> web.Response:
        return web.Response(
            status=status,
            text=self._page(cluster_id, results),
            content_type="text/html",
        )

    async def _show(self, request: web.Request, cluster_id: str) -> web.StreamResponse:
        """Send a page in pieces: a slow reader holds one of them, not megabytes."""
        affiliates = self._site.clusters.affiliates(cluster_id)
        results = read_page("results.html").substitute(
            summary=escape(summary_from_affiliates(affiliates)), articles=_RESULTS
        )
        before, _, after = self._page(cluster_id, results).rpartition(_RESULTS)
        response = web.StreamResponse()
        response.content_type = "text/html"
        response.charset = "utf-8"
        await response.prepare(request)
        await response.write(before.encode())
        for piece in _pieces(affiliates, self._site.now_ns()):
            await response.write(piece)
            await asyncio.sleep(0)
        await response.write_eof(after.encode())
        return response

    async def _wait_for_turn(self, request: web.Request) -> None:
        """Let hasty clients wait.

        Raises:
            HTTPTooManyRequests: it would be too long.
        """
        headers = ((name.lower(), value) for name, value in request.headers.items())
        address = find_client_address(_peer_of(request), headers, self._trust)
        if address is None:
            return
        client = client_from_address(address, self._site.settings.rate_ipv6_prefix)
        now_ns = self._site.now_ns()
        bucket = self._limiter.find_bucket(client, now_ns)
        wait_ns = self._limiter.reserve(bucket, now_ns, PATIENCE_NS)
        if wait_ns is None:
            raise web.HTTPTooManyRequests
        await asyncio.sleep(wait_ns / NS_PER_S)


def _cluster_id_from_form(form: bytes) -> str:
    """Return the cluster asked for; empty if none is."""
    try:
        fields = parse_qs(form.decode(), max_num_fields=FIELDS_MAX)
    except ValueError:
        raise web.HTTPBadRequest from None
    return fields.get("clusterID", [""])[0]


def _is_cluster_id(text: str) -> bool:
    try:
        return len(text.encode()) <= CLUSTER_ID_BYTES_MAX
    except UnicodeEncodeError:
        return False


def _pieces(affiliates: tuple[Affiliate, ...], now_ns: int) -> Iterator[bytes]:
    articles = (article_from_affiliate(affiliate, now_ns) for affiliate in affiliates)
    while piece := "".join(islice(articles, ARTICLES_AT_ONCE)):
        yield piece.encode()


def _peer_of(request: web.Request) -> str:
    """Return who is connected, as gRPC would say it."""
    transport = request.transport
    peer = transport.get_extra_info("peername") if transport is not None else None
    if not isinstance(peer, tuple):
        return ""
    host, port = peer[:2]
    return f"ipv6:%5B{host}%5D:{port}" if ":" in host else f"ipv4:{host}:{port}"
