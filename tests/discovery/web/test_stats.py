import aiohttp
import pytest

from tests.discovery.web.a_site import World, pages

HOUR_NS = 3600 * 10**9


# line 57 of the checklist
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "OPTIONS"])
async def test_affiliates_are_counted_for_anybody_by_any_method(method: str) -> None:
    world = World()
    for number in range(3):
        world.put(f"a{number}")
    async with (
        pages(world) as url,
        aiohttp.ClientSession() as http,
        http.request(method, f"{url}/stats") as answer,
    ):
        assert answer.status == 200
        assert answer.headers["Content-Type"] == "application/json"
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
        assert await answer.read() == b'{"affiliates":3}'


async def test_count_is_of_the_last_hour() -> None:
    world = World()
    async with pages(world) as url, aiohttp.ClientSession() as http:
        said = []
        for later_ns in (0, HOUR_NS - 1, 1):
            world.now_ns += later_ns
            said.append(await (await http.get(f"{url}/stats")).text())
            world.put(f"a{later_ns}")

    assert said == ['{"affiliates":0}', '{"affiliates":0}', '{"affiliates":2}']
