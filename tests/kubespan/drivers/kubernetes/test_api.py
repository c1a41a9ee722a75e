import asyncio
import json
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web

from kubespan.drivers.kubernetes import api as kubernetes_api
from kubespan.drivers.kubernetes.api import ApiRefusedError, KubernetesApi
from kubespan.drivers.kubernetes.kubeconfig import ApiAccess, load_kubeconfig
from kubespan.errors import DriverError
from tests.fakes.kubeconfig import a_kubeconfig, a_pair
from tests.fakes.kubernetes_api import FakeKubernetesApi, a_node


@pytest.fixture
async def server() -> AsyncIterator[FakeKubernetesApi]:
    async with FakeKubernetesApi().serve() as fake:
        yield fake


@pytest.fixture
async def api(server: FakeKubernetesApi) -> AsyncIterator[KubernetesApi]:
    async with KubernetesApi(ApiAccess("test", server.url, _token="secret")) as client:
        yield client


async def test_a_node_is_read_and_patched(
    server: FakeKubernetesApi, api: KubernetesApi
) -> None:
    server.token = "secret"
    server.put(a_node("n", {"a": "1", "b": "2"}))

    await api.patch_node("n", {"metadata": {"annotations": {"a": None, "c": "3"}}})
    node = await api.get_node("n")

    assert node["metadata"]["annotations"] == {"b": "2", "c": "3"}


async def test_lists_come_in_pages(
    server: FakeKubernetesApi, api: KubernetesApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kubernetes_api, "PAGE_ITEMS", 2)
    for name in "abc":
        server.put(a_node(name))

    first = await api.list_nodes("", "")
    second = await api.list_nodes("", first["metadata"]["continue"])

    names = [node["metadata"]["name"] for node in first["items"] + second["items"]]
    assert names == ["a", "b", "c"]
    assert "continue" not in second["metadata"]


async def test_a_watch_tells_what_happened_since_and_then_what_happens(
    server: FakeKubernetesApi, api: KubernetesApi
) -> None:
    page = await api.list_nodes("", "")
    server.put(a_node("before"))
    seen = []

    async with api.watch_nodes("", page["metadata"]["resourceVersion"]) as events:
        async for event in events:
            seen.append((event["type"], event["object"]["metadata"].get("name")))
            if len(seen) == 1:
                server.put(a_node("after"))
                server.bookmark()
                server.delete("after")
            if len(seen) == 4:
                server.close_watches()

    assert seen == [
        ("ADDED", "before"),
        ("ADDED", "after"),
        ("BOOKMARK", None),
        ("DELETED", "after"),
    ]


@pytest.mark.parametrize(
    ("token", "forbidden", "name", "status", "words"),
    [
        ("other", "", "n", 401, "credentials are not accepted"),
        ("", "get", "n", 403, "service account.*cannot get"),
        ("", "", "missing", 404, "no such node"),
    ],
)
async def test_refusals_say_what_to_do(  # noqa: PLR0917 columns of a table
    server: FakeKubernetesApi,
    api: KubernetesApi,
    token: str,
    forbidden: str,
    name: str,
    status: int,
    words: str,
) -> None:
    server.token = token
    server.forbidden = {forbidden}
    server.put(a_node("n"))

    with pytest.raises(ApiRefusedError, match=words) as caught:
        await api.get_node(name)

    assert caught.value.status == status
    assert "secret" not in str(caught.value)


async def test_no_server_is_a_driver_error() -> None:
    async with KubernetesApi(ApiAccess("test", "http://127.0.0.1:1")) as api:
        with pytest.raises(DriverError, match=r"127\.0\.0\.1:1"):
            await api.get_node("n")


@pytest.mark.parametrize("body", [b"", b"[]", b"\xff", b"{" * 100_000, b"null"])
async def test_answers_that_are_no_objects_are_refused(
    server: FakeKubernetesApi, api: KubernetesApi, body: bytes
) -> None:
    server.list_body = body

    with pytest.raises(ApiRefusedError, match="list nodes"):
        await api.list_nodes("", "")


async def test_a_page_without_end_is_refused(
    server: FakeKubernetesApi, api: KubernetesApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kubernetes_api, "PAGE_MAX_BYTES", 1000)
    server.list_body = b" " * 1001

    with pytest.raises(ApiRefusedError, match="more than 1000 bytes"):
        await api.list_nodes("", "")


async def test_lines_of_a_watch_are_put_together_and_bounded(
    server: FakeKubernetesApi, api: KubernetesApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kubernetes_api, "OBJECT_MAX_BYTES", 200_000)
    large = json.dumps({"type": "ADDED", "object": {"x": "y" * 150_000}}).encode()
    server.watch_lines = [large[:70_000], large[70_000:] + b"\n\n", b" " * 200_001]
    seen = []

    with pytest.raises(ApiRefusedError, match="more than 200000 bytes"):
        async with api.watch_nodes("", "100") as events:
            seen.extend([event async for event in events])

    # The list is only extended at the end; what came before the error is lost with it.
    assert seen == []


async def test_tls_checks_the_server_and_shows_our_certificate(tmp_path: Path) -> None:
    certificate, key = a_pair()
    pair = tmp_path / "pair.pem"
    pair.write_bytes(certificate + key)
    server_tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=pair)
    server_tls.load_cert_chain(pair)
    server_tls.verify_mode = ssl.CERT_REQUIRED
    trusting = {
        "server": "",
        "certificate-authority": str(pair),
    }
    user = {"client-certificate": str(pair), "client-key": str(pair)}
    async with FakeKubernetesApi().serve(tls=server_tls) as fake:
        fake.put(a_node("n"))
        trusting["server"] = fake.url
        good = load_kubeconfig(a_kubeconfig(tmp_path, trusting, user))
        distrusting = load_kubeconfig(
            a_kubeconfig(tmp_path, {"server": fake.url}, user)
        )

        async with KubernetesApi(good) as api:
            assert (await api.get_node("n"))["metadata"]["name"] == "n"
        async with KubernetesApi(distrusting) as api:
            with pytest.raises(DriverError, match="certificate verify failed"):
                await api.get_node("n")


async def test_a_redirect_is_not_followed() -> None:
    visits = []

    async def redirect(request: web.Request) -> web.Response:
        visits.append(request.path)
        raise web.HTTPTemporaryRedirect("/elsewhere")

    app = web.Application()
    app.router.add_get("/{path:.*}", redirect)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    port = runner.addresses[0][1]
    async with KubernetesApi(ApiAccess("t", f"http://127.0.0.1:{port}/base")) as api:
        with pytest.raises(ApiRefusedError, match="HTTP 307"):
            await api.get_node("a/b")
    await runner.cleanup()

    assert visits == ["/base/api/v1/nodes/a/b"]


async def test_silence_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kubernetes_api, "CALL_TIMEOUT_S", 0.05)
    done = asyncio.Event()

    async def silent(
        _reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        await done.wait()
        writer.close()

    listener = await asyncio.start_server(silent, "127.0.0.1", 0)
    port = listener.sockets[0].getsockname()[1]
    async with KubernetesApi(ApiAccess("t", f"http://127.0.0.1:{port}")) as api:
        with pytest.raises(DriverError, match="no answer"):
            await api.get_node("n")
    done.set()
    listener.close()
    await listener.wait_closed()
