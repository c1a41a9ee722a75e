"""Listeners for real: addresses, TLS, and clients that behave badly."""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from discovery.drivers.listening_socket import CannotListen
from discovery.drivers.tls_context import CannotUseCertificate
from discovery.web.serving import serve_landing, serve_metrics
from tests.discovery.certificates import make_certificate, write_pair
from tests.discovery.web.a_site import World, pages, probes

PATIENCE_S = 10.0


def host_and_port(url: str) -> tuple[str, int]:
    host, _, port = url.rpartition("/")[2].rpartition(":")
    return host, int(port)


@asynccontextmanager
async def a_connection(
    url: str,
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection(*host_and_port(url))
    try:
        yield reader, writer
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


async def rest(reader: asyncio.StreamReader) -> bytes:
    """Read to the end, however it comes."""
    with contextlib.suppress(ConnectionError):
        return await asyncio.wait_for(reader.read(), PATIENCE_S)
    return b""


async def is_served(url: str) -> bool:
    async with aiohttp.ClientSession() as http:
        return (await http.get(f"{url}/healthz")).status == 200


async def test_nothing_listens_where_no_address_is_wanted() -> None:
    site = World().site(landing_addr="", metrics_addr="")

    async with serve_landing(site) as landing, serve_metrics(site) as metrics:
        assert (landing, metrics) == ("", "")


async def test_address_without_host_serves_both_families() -> None:
    async with probes(World(), metrics_addr=":0") as url:
        port = host_and_port(url)[1]

        assert await is_served(f"http://127.0.0.1:{port}")
        if socket.has_dualstack_ipv6():
            assert await is_served(f"http://[::1]:{port}")


@pytest.mark.parametrize("served", [pages, probes], ids=["landing", "metrics"])
async def test_address_in_use_is_one_sentence(served) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        addr = f"127.0.0.1:{taken.getsockname()[1]}"

        with pytest.raises(CannotListen) as refused:
            async with served(World(), landing_addr=addr, metrics_addr=addr):
                pass

    assert str(refused.value) == f"cannot listen on {addr}: Address already in use"


async def test_stopping_frees_the_address_at_once() -> None:
    async with pages(World()) as url:
        host, port = host_and_port(url)
        async with a_connection(url) as (reader, _):
            pass

    async with pages(World(), landing_addr=f"{host}:{port}") as again:
        assert again == url
        assert await is_served(again)
        assert await rest(reader) == b""


@pytest.mark.parametrize(
    "start", [b"", b"GET /", b"GET / HTTP/1.1\r\nHost: a\r\nX: "], ids=repr
)
async def test_request_that_never_comes_is_not_waited_for(
    monkeypatch: pytest.MonkeyPatch, start: bytes
) -> None:
    monkeypatch.setattr("discovery.web.serving.IDLE_S", 0.3)
    async with pages(World()) as url, a_connection(url) as (reader, writer):
        writer.write(start)

        async def drip() -> None:
            while True:
                writer.write(b"x")
                await asyncio.sleep(0.05)

        async with asyncio.TaskGroup() as group:
            dripping = group.create_task(drip()) if start else None
            assert await rest(reader) == b""
            if dripping:
                dripping.cancel()


async def test_page_that_nobody_reads_is_dropped(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("discovery.web.guards.PAGE_S", 0.3)
    world = World()
    for number in range(1024):
        world.put(f"n{number}", b"\x5a" * 2048, [bytes([e]) * 32 for e in range(64)])
    async with pages(world) as url:
        with socket.socket() as lazy:
            lazy.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            lazy.connect(host_and_port(url))
            lazy.sendall(b"GET /inspect?clusterID=c HTTP/1.1\r\nHost: a\r\n\r\n")
            await asyncio.sleep(0.6)
            lazy.settimeout(PATIENCE_S)
            received = await asyncio.to_thread(_received, lazy)

        assert received < 8_000_000
        assert await is_served(url)


def _received(lazy: socket.socket) -> int:
    size = 0
    with contextlib.suppress(ConnectionError):
        while piece := lazy.recv(65536):
            size += len(piece)
    return size


async def test_herd_is_turned_away_and_the_rest_is_served(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("discovery.web.serving.LANDING_CONNECTIONS_MAX", 3)
    async with pages(World()) as url, contextlib.AsyncExitStack() as stack:
        held = [await stack.enter_async_context(a_connection(url)) for _ in range(3)]
        held[0][1].write(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")
        await held[0][0].readuntil(b"ok\n")

        async with a_connection(url) as (reader, _):
            assert await rest(reader) == b""
        held[1][1].close()
        await held[1][1].wait_closed()
        await asyncio.sleep(0.1)

        assert await is_served(url)


@pytest.mark.parametrize(
    "garbage",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 100,
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0" * 100,
        b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 10_000 + b"\r\n",
        b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzzz\r\n",
        b"\0" * 1000,
        b"<script>alert(1)</script> / HTTP/1.1\r\n\r\n",
    ],
    ids=["tls", "http2", "headers", "line", "lengths", "chunks", "zeros", "markup"],
)
async def test_what_is_no_http_is_refused_and_makes_no_noise(
    caplog: pytest.LogCaptureFixture, garbage: bytes
) -> None:
    async with pages(World()) as url:
        async with a_connection(url) as (reader, writer):
            writer.write(garbage)
            with contextlib.suppress(ConnectionError):
                await writer.drain()
                writer.write_eof()
            answer = await rest(reader)

        assert answer[:12] in {b"", b"HTTP/1.1 400", b"HTTP/1.0 400", b"HTTP/1.1 200"}
        assert b"<script" not in answer
        assert await is_served(url)
    assert [r for r in caplog.records if r.levelname in {"WARNING", "ERROR"}] == []


async def test_bodies_nobody_asked_for_are_not_read_to_the_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("discovery.web.serving.STOP_S", 0.2)
    async with pages(World()) as url, a_connection(url) as (reader, writer):
        head = b"POST /stats HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000000\r\n\r\n"
        writer.write(head + b"x" * 1000)

        answer = await rest(reader)

        assert answer.startswith(b"HTTP/1.1 200")


class OverTls:
    """Pages over TLS with a pair of files that a test replaces."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.paths = write_pair(folder, make_certificate("one"))

    def serve(self) -> contextlib.AbstractAsyncContextManager[str]:
        certificate_path, key_path = self.paths
        return pages(
            World(),
            landing_tls=True,
            certificate_path=certificate_path,
            key_path=key_path,
        )

    async def name(self, url: str, **changes: object) -> str:
        """Connect, and return the common name of who answers."""
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        for field, value in changes.items():
            setattr(context, field, value)
        reader, writer = await asyncio.open_connection(*host_and_port(url), ssl=context)
        raw = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
        writer.write(b"GET /healthz HTTP/1.0\r\n\r\n")
        assert (await rest(reader)).endswith(b"ok\n")
        writer.close()
        names = [name for name in (b"one", b"two") if name in raw]
        return names[0].decode()


async def test_pages_over_tls_follow_the_files_of_the_certificate(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    tls = OverTls(tmp_path)
    async with tls.serve() as url:
        assert url.startswith("https://")
        assert await tls.name(url) == "one"

        write_pair(tmp_path, make_certificate("two"))
        assert await tls.name(url) == "two"

        tls.paths[1].write_text("half written")
        assert await tls.name(url) == "two"
        assert await tls.name(url) == "two"
    assert caplog.text.count("page certificate kept, files are bad") == 1
    assert caplog.text.count("page certificate reloaded") == 1


async def test_tls_older_than_1_2_is_refused(tmp_path: Path) -> None:
    tls = OverTls(tmp_path)
    async with tls.serve() as url:
        with pytest.warns(DeprecationWarning, match="TLS"), pytest.raises(OSError):
            await tls.name(url, maximum_version=ssl.TLSVersion.TLSv1_1)


async def test_silent_handshake_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("discovery.web.serving.IDLE_S", 0.3)
    async with OverTls(tmp_path).serve() as url, a_connection(url) as (reader, _):
        assert await rest(reader) == b""


async def test_certificate_that_cannot_serve_is_one_sentence(tmp_path: Path) -> None:
    tls = OverTls(tmp_path)
    tls.paths[0].unlink()

    with pytest.raises(CannotUseCertificate) as refused:
        async with tls.serve():
            pass

    assert str(refused.value) == "No such file or directory"
