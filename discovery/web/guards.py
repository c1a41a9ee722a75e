"""What surrounds every page: bounds in time, headers that keep browsers in check.

Source: for the headers, OWASP's list of secure headers.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from aiohttp import web
from aiohttp.typedefs import Middleware

from discovery.metrics.metrics import Metrics

log = logging.getLogger(__name__)
Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]

# From the end of the request's headers to the last byte taken by the client.
PAGE_S = 60.0

# Nothing from elsewhere, nothing inline, no text that becomes markup, and no request
# at all made by a script: what is typed into a page cannot leave it.
CONTENT_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)
# Cluster IDs may be in addresses: no other site is to see where its visitors were.
HEADERS = {
    "Content-Security-Policy": CONTENT_POLICY,
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cache-Control": "no-store",
}


def guard_from_metrics(metrics: Metrics) -> Middleware:
    """Return a middleware that bounds, counts and survives every page."""

    @web.middleware
    async def guard(request: web.Request, handler: Answer) -> web.StreamResponse:
        response = await _bounded(request, handler)
        metrics.page_served(_page_of(request), response.status)
        return response

    return guard


async def add_headers(_request: web.Request, response: web.StreamResponse) -> None:
    """Add what every answer carries and has not set itself."""
    response.headers["Server"] = "kubespan-discovery"
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)


async def _bounded(request: web.Request, answer: Answer) -> web.StreamResponse:
    try:
        async with asyncio.timeout(PAGE_S):
            response = await _answered(request, answer)
            await response.prepare(request)
            await response.write_eof()
    except TimeoutError:
        if request.transport is not None:
            request.transport.abort()
        raise ConnectionResetError("the client does not read") from None
    return response


async def _answered(request: web.Request, answer: Answer) -> web.StreamResponse:
    """Answer; a mistake of ours is 500 and tells no detail."""
    try:
        return await answer(request)
    except web.HTTPException as refusal:
        return _text(refusal.status, refusal.reason, refusal.headers.get("Allow"))
    except (ConnectionError, TimeoutError):
        raise
    except Exception:
        log.exception("page failed", extra={"fields": {"page": _page_of(request)}})
        return _text(500, "Internal Server Error", None)


def _text(status: int, reason: str, allow: str | None) -> web.Response:
    headers = {"Allow": allow} if allow else None
    return web.Response(status=status, text=f"{status} {reason}\n", headers=headers)


def _page_of(request: web.Request) -> str:
    """Return the name of a page, one of a few: never what was asked for."""
    resource = request.match_info.route.resource
    return (resource and resource.name) or "none"
