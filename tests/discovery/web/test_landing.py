import re

import aiohttp
import pytest

from discovery.web.landing import page_from_main
from tests.discovery.web.a_site import World, pages


# line 57 of the checklist
async def test_front_page_says_what_this_address_is_and_links_to_inspect() -> None:
    async with (
        pages(World()) as url,
        aiohttp.ClientSession() as http,
        http.get(f"{url}/") as answer,
    ):
        page = await answer.text()

    assert answer.status == 200
    assert answer.content_type == "text/html"
    assert "This is a discovery service" in page
    assert "encrypted end to end" in page
    assert 'href="inspect"' in page
    assert "kubespan-discovery 1.2.3" in page


async def test_front_page_has_no_link_to_a_page_that_is_turned_off() -> None:
    async with (
        pages(World(), inspect_enabled=False) as url,
        aiohttp.ClientSession() as http,
        http.get(f"{url}/") as answer,
    ):
        assert "inspect" not in await answer.text()


# line 57 of the checklist
async def test_index_is_the_front_page() -> None:
    async with (
        pages(World()) as url,
        aiohttp.ClientSession() as http,
        http.get(f"{url}/index.html", allow_redirects=False) as answer,
    ):
        assert answer.status == 301
        assert answer.headers["Location"] == "./"


async def test_everything_a_page_refers_to_is_served() -> None:
    async with pages(World()) as url, aiohttp.ClientSession() as http:
        page = await (await http.get(f"{url}/inspect?clusterID=c")).text()
        wanted = set(re.findall(r'(?:href|src|from)="(static/[^"]*)"', page))
        types = {}
        for path in wanted | {"static/unseal.js"}:
            answer = await http.get(f"{url}/{path}")
            types[path] = (answer.status, answer.content_type)

    assert types == {
        "static/style.css": (200, "text/css"),
        "static/inspect.js": (200, "text/javascript"),
        "static/unseal.js": (200, "text/javascript"),
        "static/icon.svg": (200, "image/svg+xml"),
    }


# line 57 of the checklist
@pytest.mark.parametrize(
    "path",
    [
        "/favicon.ico",
        "/metrics",
        "/stats/",
        "/inspect/",
        "/static/",
        "/static/../pages/layout.html",
        "/static/%2e%2e/pages/layout.html",
        "/static/%2e%2e%2fsite.py",
        "/pages/layout.html",
        "//",
        "/%00",
    ],
)
async def test_nothing_else_is_there(path: str) -> None:
    async with (
        pages(World()) as url,
        aiohttp.ClientSession() as http,
        http.get(aiohttp.client.URL(url + path, encoded=True)) as answer,
    ):
        text = await answer.text()

    assert answer.status == 404
    assert text == "404 Not Found\n"


def test_title_and_version_are_no_markup() -> None:
    page = page_from_main("<i>", "<p>$main</p>", "<b>")

    assert "<title>&lt;i&gt;</title>" in page
    assert "kubespan-discovery &lt;b&gt;" in page
    assert "<p>$main</p>" in page


async def test_pages_refer_to_nothing_elsewhere() -> None:
    async with pages(World()) as url, aiohttp.ClientSession() as http:
        for path in ("/", "/inspect", "/static/style.css", "/static/inspect.js"):
            text = await (await http.get(url + path)).text()

            assert not re.search(r"(src|href|action|url\(|from)\S*//", text), path
