import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families

from discovery.metrics.metrics import Levels
from discovery.service.store import StoreHealth
from discovery.state.clusters import Counts
from discovery.web.site import Readiness
from tests.discovery.web.a_site import World, pages, probes

DOWN = Readiness(
    listening=True,
    draining=True,
    store=StoreHealth(ready=False, problem="etcd at 10.0.0.3 does not answer"),
)


# line 60 of the checklist
@pytest.mark.parametrize("served", [pages, probes], ids=["landing", "metrics"])
async def test_process_is_alive_whatever_else_is_wrong(served) -> None:
    world = World(readiness=DOWN)
    async with (
        served(world) as url,
        aiohttp.ClientSession() as http,
        http.get(f"{url}/healthz") as answer,
    ):
        assert answer.status == 200
        assert await answer.text() == "ok\n"


# line 60 of the checklist
@pytest.mark.parametrize("served", [pages, probes], ids=["landing", "metrics"])
async def test_readiness_follows_the_service(served) -> None:
    world = World()
    async with served(world) as url, aiohttp.ClientSession() as http:
        before = await http.get(f"{url}/readyz")
        world.readiness = DOWN
        after = await http.get(f"{url}/readyz")

    assert (before.status, after.status) == (200, 503)
    assert after.content_type == "application/json"


async def test_operators_are_told_why_and_strangers_only_what() -> None:
    world = World(readiness=DOWN)
    async with (
        probes(world) as inside,
        pages(world) as outside,
        aiohttp.ClientSession() as http,
    ):
        told = await (await http.get(f"{inside}/readyz")).json()
        hinted = await (await http.get(f"{outside}/readyz")).json()

    assert told == {
        "ready": False,
        "reasons": {
            "draining": "clients are being sent away before the stop",
            "store": "etcd at 10.0.0.3 does not answer",
        },
    }
    assert hinted == {"ready": False, "reasons": ["draining", "store"]}


async def test_trouble_that_keeps_nobody_away_is_told_to_operators_alone() -> None:
    full_disk = StoreHealth(ready=True, problem="no space left on device")
    world = World(readiness=Readiness(listening=True, draining=False, store=full_disk))
    async with (
        probes(world) as inside,
        pages(world) as outside,
        aiohttp.ClientSession() as http,
    ):
        told = await http.get(f"{inside}/readyz")
        hinted = await http.get(f"{outside}/readyz")

    assert (told.status, hinted.status) == (200, 200)
    assert (await told.json())["notices"] == {"store": "no space left on device"}
    assert await hinted.json() == {"ready": True, "reasons": []}


# line 59 of the checklist
async def test_metrics_are_what_is_true_at_the_scrape() -> None:
    world = World()
    async with probes(world) as url, aiohttp.ClientSession() as http:
        world.metrics.hello("v1.8.3")
        world.metrics.read_levels = lambda: Levels(Counts(1, 2, 3), watches=4)
        answer = await http.get(f"{url}/metrics")
        text = await answer.text()
        again = await (await http.get(f"{url}/metrics")).text()

    assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    assert list(text_string_to_metric_families(text))
    assert "\ndiscovery_state_subscriptions 4.0\n" in text
    assert 'hello_requests_total{client_version="v1.8"} 1.0\n' in text
    assert 'discovery_http_requests_total{code="200",page="metrics"} 1.0\n' in again


@pytest.mark.parametrize("path", ["/", "/inspect", "/stats", "/healthz/"])
async def test_operators_address_has_nothing_else(path: str) -> None:
    async with probes(World()) as url, aiohttp.ClientSession() as http:
        assert (await http.get(url + path)).status == 404
