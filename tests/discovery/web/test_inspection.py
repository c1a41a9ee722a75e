import asyncio
import ipaddress
import re
from urllib.parse import quote

import aiohttp
import pytest

from discovery.state.limits import NS_PER_S
from tests.discovery.web.a_site import World, pages

FORM = "application/x-www-form-urlencoded"


async def looked_at(world: World, query: str = "?clusterID=c") -> str:
    async with (
        pages(world) as url,
        aiohttp.ClientSession() as http,
        http.get(f"{url}/inspect{query}") as answer,
    ):
        assert answer.status == 200
        return await answer.text()


# line 57 of the checklist
@pytest.mark.parametrize("query", ["", "?clusterID=", "?other=c"])
async def test_form_asks_for_a_cluster(query: str) -> None:
    page = await looked_at(World(), query)

    assert 'name="clusterID"' in page
    assert "Records" not in page


# line 57 of the checklist
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_records_are_listed_sealed(method: str) -> None:
    world = World()
    world.put("node-1", b"\xab\x01", [b"\xe1", b"\xe2"])
    world.put("node-2", b"", [])
    sent = {"clusterID": "c"}
    async with pages(world) as url, aiohttp.ClientSession() as http:
        given = {"params": sent} if method == "GET" else {"data": sent}
        async with http.request(method, f"{url}/inspect", **given) as answer:
            page = await answer.text()

    assert answer.status == 200
    assert re.findall('class="id">(.*?)<', page) == ["node-1", "node-2"]
    assert re.findall("<code.*?>(.*?)</code>", page)[-4:] == ["ab01", "e1", "e2", ""]
    assert "2 affiliates, 2 endpoints." in page
    assert page.endswith("</html>\n")


# line 58 of the checklist
async def test_looking_makes_no_cluster() -> None:
    world = World()

    page = await looked_at(world, "?clusterID=nobody")

    assert "unknown here, or empty" in page
    assert len(world.clusters) == 0


# line 58 of the checklist
@pytest.mark.parametrize("method", ["GET", "POST", "HEAD"])
async def test_page_can_be_turned_off(method: str) -> None:
    world = World()
    world.put("node-1")
    async with (
        pages(world, inspect_enabled=False) as url,
        aiohttp.ClientSession() as http,
        http.request(method, f"{url}/inspect?clusterID=c") as answer,
    ):
        assert answer.status == 404


@pytest.mark.parametrize(
    ("cluster_id", "status"),
    [
        pytest.param("x" * 256, 200, id="256 bytes"),
        pytest.param("x" * 257, 400, id="257 bytes"),
        pytest.param("ä" * 128, 200, id="128 letters of two bytes"),
        pytest.param("ä" * 129, 400, id="129 letters of two bytes"),
        pytest.param("</title><script>alert(1)</script>", 200, id="markup"),
        pytest.param(
            "$results ${summary} <!--results-->", 200, id="marks of a template"
        ),
        pytest.param("a\0\x1b[31m\r\nSet-Cookie: a=b", 200, id="control characters"),
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_any_cluster_id_is_text(
    method: str, cluster_id: str, status: int
) -> None:
    world = World()
    world.put("node-1", cluster_id=cluster_id)
    sent = {"clusterID": cluster_id}
    async with pages(world) as url, aiohttp.ClientSession() as http:
        given = {"params": sent} if method == "GET" else {"data": sent}
        async with http.request(method, f"{url}/inspect", **given) as answer:
            page = await answer.text()

    assert answer.status == status
    assert "Set-Cookie" not in answer.headers
    assert page.count("<script") == 1
    assert page.count("<title") == 1
    assert ("node-1" in page) == (status == 200)


@pytest.mark.parametrize(
    "query",
    ["?clusterID=%ff%fe", "?clusterID=%ed%a0%80", "?clusterID=%", "?&&=&clusterID"],
)
async def test_bytes_that_are_no_text_are_survived(query: str) -> None:
    async with pages(World()) as url, aiohttp.ClientSession() as http:
        address = aiohttp.client.URL(f"{url}/inspect{query}", encoded=True)
        async with http.get(address) as answer:
            await answer.read()

        assert answer.status in {200, 400}
        assert (await http.get(f"{url}/inspect")).status == 200


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        pytest.param(b"clusterID=" + b"x" * 5000, FORM, 413, id="too long"),
        pytest.param(
            b"clusterID=c", "multipart/form-data; boundary=x", 415, id="parts"
        ),
        pytest.param(b"clusterID=c", "text/plain", 415, id="text"),
        pytest.param(b"\xff\x00&&&=", FORM, 400, id="garbage"),
        pytest.param(b"", FORM, 200, id="nothing"),
        pytest.param(b"a=b&" * 100, FORM, 400, id="many fields"),
        pytest.param(b"a=b", f"{FORM}; charset=nonsense", 200, id="strange charset"),
    ],
)
async def test_forms_of_strangers_are_bounded(
    body: bytes, content_type: str, status: int
) -> None:
    async with pages(World()) as url, aiohttp.ClientSession() as http:
        headers = {"Content-Type": content_type}
        async with http.post(f"{url}/inspect", data=body, headers=headers) as answer:
            await answer.read()

        assert answer.status == status
        assert (await http.get(f"{url}/inspect")).status == 200


async def test_full_cluster_is_shown_whole() -> None:
    world = World()
    for number in range(1024):
        endpoints = [bytes([e]) * 32 for e in range(64)]
        world.put(f"{number:04}" * 64, b"\x5a" * 2048, endpoints)

    page = await looked_at(world)

    assert page.count('<article class="affiliate">') == 1024
    assert page.count("<li>") == 65_536
    assert "1,024 affiliates, 65,536 endpoints." in page
    assert page.endswith("</html>\n")


async def test_cluster_that_changes_while_it_is_shown_is_shown_as_it_was() -> None:
    world = World()
    for number in range(64):
        world.put(f"n{number:02}", b"\x5a" * 2048, [bytes([e]) * 32 for e in range(64)])
    async with (
        pages(world) as url,
        aiohttp.ClientSession(read_bufsize=1024) as http,
        http.get(f"{url}/inspect?clusterID=c") as answer,
    ):
        await answer.content.readexactly(1000)
        for number in range(64):
            world.clusters.delete("c", f"n{number:02}")
        page = (await answer.read()).decode()

    assert page.count("<article") == 64


async def test_head_tells_nothing_of_a_cluster() -> None:
    world = World()
    world.put("node-1")
    async with pages(world) as url, aiohttp.ClientSession() as http:
        sizes = []
        for query in ("c", "d"):
            answer = await http.head(f"{url}/inspect?clusterID={query}")
            sizes.append((answer.status, answer.headers["Content-Length"]))

    assert sizes[0] == sizes[1]
    assert sizes[0][0] == 200


async def test_who_looks_too_often_waits_and_is_then_refused() -> None:
    world = World()
    async with pages(world) as url, aiohttp.ClientSession() as http:
        statuses = [
            (await http.get(f"{url}/inspect?clusterID=c")).status for _ in range(24)
        ]
        world.now_ns += 10 * NS_PER_S
        later = (await http.get(f"{url}/inspect?clusterID=c")).status
        form = (await http.get(f"{url}/inspect")).status

    assert statuses[:20] == [200] * 20
    assert statuses[-1] == 429
    assert (later, form) == (200, 200)


@pytest.mark.parametrize(
    ("settings", "shared"),
    [
        pytest.param({}, True, id="no proxy is trusted"),
        pytest.param(
            {"trusted_proxies": (ipaddress.ip_network("127.0.0.0/8"),)},
            False,
            id="the proxy is trusted",
        ),
    ],
)
async def test_visitors_behind_a_proxy_are_told_apart_if_it_is_trusted(
    settings: dict[str, object], *, shared: bool
) -> None:
    async with pages(World(), **settings) as url, aiohttp.ClientSession() as http:
        for _ in range(23):
            headers = {"X-Forwarded-For": "192.0.2.1"}
            await http.get(f"{url}/inspect?clusterID=c", headers=headers)
        headers = {"X-Forwarded-For": "192.0.2.2"}
        other = await http.get(f"{url}/inspect?clusterID=c", headers=headers)

    assert other.status == (429 if shared else 200)


async def test_cluster_id_is_in_no_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    secret_id = "kJ8/long+opaque="
    async with pages(World()) as url, aiohttp.ClientSession() as http:
        await http.get(f"{url}/inspect?clusterID={quote(secret_id, safe='')}")
        await http.get(f"{url}/inspect?clusterID={secret_id * 30}")
        await http.get(f"{url}/nowhere?clusterID={secret_id}")

    assert "kJ8" not in caplog.text


async def test_form_that_never_ends_is_not_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("discovery.web.inspection.FORM_S", 0.2)
    async with pages(World()) as url:
        host, _, port = url.removeprefix("http://").rpartition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        head = f"POST /inspect HTTP/1.1\r\nHost: a\r\nContent-Type: {FORM}\r\n"
        writer.write(f"{head}Content-Length: 100\r\n\r\nclusterID=".encode())

        answer = await asyncio.wait_for(reader.read(), 10)

        assert answer == b""
        writer.close()
