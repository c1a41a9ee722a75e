"""The front page, and the few files that pages are made of."""

from html import escape
from importlib.resources import files
from string import Template

from aiohttp import web

from discovery.web.site import Site

_PACKAGE = files("discovery.web")
_TYPE_BY_SUFFIX = {
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
}


def read_page(name: str) -> Template:
    """Return a page of this package, with ``$names`` to fill in."""
    return Template((_PACKAGE / "pages" / name).read_text("utf-8"))


def page_from_main(title: str, main: str, version: str) -> str:
    """Return a whole page around its contents, which are HTML already."""
    return read_page("layout.html").substitute(
        title=escape(title), main=main, version=escape(version)
    )


def landing_routes(site: Site) -> list[web.RouteDef]:
    """Return ``/`` and ``/index.html``.

    Source:
        discovery.md 3.2.
    """
    enabled = site.settings.inspect_enabled
    link = (_PACKAGE / "pages" / "inspect_link.html").read_text() if enabled else ""
    main = read_page("landing.html").substitute(inspect=link)
    page = page_from_main("Discovery service", main, site.version).encode()

    async def index(_request: web.Request) -> web.Response:
        return web.Response(body=page, content_type="text/html", charset="utf-8")

    async def moved(_request: web.Request) -> web.Response:
        return web.Response(status=301, text="", headers={"Location": "./"})

    return [
        web.get("/", index, name="landing"),
        web.get("/index.html", moved, name="index"),
    ]


def static_routes() -> list[web.RouteDef]:
    """Return a page for each of our files; there is no folder to look into."""
    return [
        _static_route(resource.name, resource.read_bytes())
        for resource in (_PACKAGE / "static").iterdir()
        if resource.name.rpartition(".")[2] in _TYPE_BY_SUFFIX
    ]


def _static_route(name: str, content: bytes) -> web.RouteDef:
    # Always asked for anew: a page and its script are of one version.
    headers = {
        "Content-Type": _TYPE_BY_SUFFIX[name.rpartition(".")[2]],
        "Cache-Control": "no-cache",
    }

    async def static(_request: web.Request) -> web.Response:
        return web.Response(body=content, headers=headers)

    return web.get(f"/static/{name}", static, name=f"static-{name.replace('.', '-')}")
