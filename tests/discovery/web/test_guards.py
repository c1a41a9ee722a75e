import logging

import aiohttp
import pytest
from aiohttp import web

from discovery.metrics.metrics import Metrics
from discovery.web.guards import add_headers, guard_from_metrics
from tests.discovery.web.a_site import World, pages, probes


@pytest.mark.parametrize(
    "path", ["/", "/inspect", "/inspect?clusterID=c", "/stats", "/nowhere", "/readyz"]
)
async def test_every_answer_keeps_browsers_in_check(path: str) -> None:
    async with (
        pages(World()) as url,
        aiohttp.ClientSession() as http,
        http.get(url + path) as answer,
    ):
        headers = answer.headers

    policy = dict(
        part.split(" ", 1) for part in headers["Content-Security-Policy"].split("; ")
    )
    assert policy["default-src"] == "'none'"
    assert policy["frame-ancestors"] == "'none'"
    assert policy["form-action"] == "'self'"
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cache-Control"] == "no-store"
    assert headers["Server"] == "kubespan-discovery"


async def test_own_files_may_be_kept_but_are_asked_for_anew() -> None:
    async with (
        pages(World()) as url,
        aiohttp.ClientSession() as http,
        http.get(f"{url}/static/style.css") as answer,
    ):
        assert answer.headers["Cache-Control"] == "no-cache"


async def test_pages_are_counted_by_names_and_never_by_what_was_asked_for() -> None:
    world = World()
    async with pages(world) as url, aiohttp.ClientSession() as http:
        for path in ("/", "/inspect?clusterID=c", "/a", "/b", "/stats", "/static/no"):
            await http.get(url + path)
        await http.delete(f"{url}/inspect")

    assert world.metrics.pages == {
        ("landing", 200): 1,
        ("inspect", 200): 1,
        ("stats", 200): 1,
        ("none", 404): 3,
        ("none", 405): 1,
    }


async def test_method_that_is_not_served_is_told_which_are() -> None:
    async with probes(World()) as url, aiohttp.ClientSession() as http:
        answer = await http.post(f"{url}/metrics")

    assert answer.status == 405
    assert answer.headers["Allow"] == "GET,HEAD"


async def test_mistake_of_ours_is_500_and_tells_no_detail(
    caplog: pytest.LogCaptureFixture, aiohttp_application
) -> None:
    async def fail(_request: web.Request) -> web.Response:
        raise RuntimeError("a secret detail")

    url = await aiohttp_application([web.get("/x", fail, name="x")])
    async with aiohttp.ClientSession() as http, http.get(url + "/x") as answer:
        text = await answer.text()

    assert (answer.status, text) == (500, "500 Internal Server Error\n")
    assert [r.levelno for r in caplog.records] == [logging.ERROR]
    assert "page failed" in caplog.text


@pytest.fixture
async def aiohttp_application():
    runners = []

    async def serve(routes: list[web.RouteDef]) -> str:
        application = web.Application(middlewares=[guard_from_metrics(Metrics())])
        application.on_response_prepare.append(add_headers)
        application.add_routes(routes)
        runner = web.AppRunner(application, access_log=None)
        await runner.setup()
        runners.append(runner)
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        return f"http://127.0.0.1:{runner.addresses[0][1]}"

    yield serve
    for runner in runners:
        await runner.cleanup()
