import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import grpc
import pytest

from kubespan.drivers.discovery import channel as discovery_channel
from kubespan.drivers.discovery.channel import (
    CallFailed,
    Failure,
    Target,
    explain,
    open_channel,
)
from kubespan.drivers.discovery.service import connect
from tests.fakes.connect_proxy import ConnectProxy
from tests.fakes.discovery_service import FakeDiscoveryService
from tests.fakes.tls_service import a_tls_service, make_certificate


def a_target(
    endpoint: str, *, plaintext: bool = True, ca_file: str = "", ttl_s: float = 1800
) -> Target:
    return Target(endpoint, plaintext, ca_file, ttl_s)


@asynccontextmanager
async def an_http1_server() -> AsyncIterator[str]:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter):
        await reader.read(100)
        writer.write(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    try:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()


async def greet(target: Target, environment: dict[str, str] | None = None) -> str:
    """Say Hello; return what went wrong, empty if nothing did."""
    try:
        connection = connect(target, "cluster", environment or {})
    except CallFailed as error:
        return error.reason
    try:
        await connection.hello("v1.0.0", 5)
    except CallFailed as error:
        return error.reason
    finally:
        await connection.close()
    return ""


async def test_plaintext_service_is_reached():
    async with FakeDiscoveryService().serving() as service:
        assert await greet(a_target(service.endpoint)) == ""


@pytest.mark.checklist(33)
async def test_tls_service_is_reached_with_the_configured_ca(tmp_path: Path):
    async with a_tls_service(tmp_path) as (endpoint, ca_file):
        assert await greet(a_target(endpoint, plaintext=False, ca_file=ca_file)) == ""


async def test_tls_service_is_reached_with_the_systems_roots(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    async with a_tls_service(tmp_path) as (endpoint, ca_file):
        roots = (tmp_path / "absent.pem", Path(ca_file))
        monkeypatch.setattr(discovery_channel, "SYSTEM_ROOTS", roots)

        assert await greet(a_target(endpoint, plaintext=False)) == ""


async def test_ca_file_is_read_anew_on_each_connection(tmp_path: Path):
    async with a_tls_service(tmp_path) as (endpoint, ca_file):
        good = Path(ca_file).read_bytes()
        Path(ca_file).write_bytes(make_certificate("other")[0])
        target = a_target(endpoint, plaintext=False, ca_file=ca_file)
        before = await greet(target)

        Path(ca_file).write_bytes(good)

        assert before.startswith("certificate not trusted")
        assert await greet(target) == ""


async def test_service_that_wants_a_certificate_gets_ours(tmp_path: Path):
    certificate, key = make_certificate("localhost")
    own = tmp_path / "own.pem"
    own.write_bytes(certificate + key)
    credentials = grpc.ssl_server_credentials(
        [(key, certificate)], certificate, require_client_auth=True
    )
    async with FakeDiscoveryService().serving(credentials) as service:
        port = service.endpoint.rpartition(":")[2]
        target = Target(
            f"localhost:{port}", False, str(own), 1800, certificate_file=str(own)
        )
        connection = connect(target, "c", {})
        await connection.hello("v1.0.0", 5)
        await connection.close()

    assert service.calls == ["Hello"]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        pytest.param(None, "No such file or directory", id="missing"),
        pytest.param(b"", "no PEM certificate and key", id="empty"),
        pytest.param(
            make_certificate("localhost")[0], "no PEM certificate and key", id="no key"
        ),
        pytest.param(b"x" * (5 << 20), "too large", id="too large"),
    ],
)
async def test_certificate_of_ours_that_cannot_be_used_is_said_so(
    tmp_path: Path, content: bytes | None, reason: str
):
    own = tmp_path / "own.pem"
    if content is not None:
        own.write_bytes(content)
    target = Target("localhost:443", False, "", 1800, certificate_file=str(own))

    with pytest.raises(CallFailed) as caught:
        open_channel(target, {})

    assert caught.value.reason == f"certificate file {own}: {reason}"


async def test_certificate_that_is_not_trusted_is_said_so(tmp_path: Path):
    other = tmp_path / "other.pem"
    other.write_bytes(make_certificate("other")[0])
    async with a_tls_service(tmp_path) as (endpoint, _):
        target = a_target(endpoint, plaintext=False, ca_file=str(other))

        assert (
            await greet(target) == "certificate not trusted (self signed certificate)"
        )


async def test_certificate_that_has_expired_is_said_so(tmp_path: Path):
    async with a_tls_service(tmp_path, expired=True) as (endpoint, ca_file):
        target = a_target(endpoint, plaintext=False, ca_file=ca_file)

        assert (
            await greet(target) == "certificate not trusted (certificate has expired)"
        )


async def test_certificate_of_another_host_is_said_so(tmp_path: Path):
    async with a_tls_service(tmp_path, "other.example") as (endpoint, ca_file):
        target = a_target(endpoint, plaintext=False, ca_file=ca_file)

        assert await greet(target) == "certificate is for another host name"


async def test_tls_to_a_plaintext_service_is_said_so():
    async with FakeDiscoveryService().serving() as service:
        reason = await greet(a_target(service.endpoint, plaintext=False))

        assert reason == "the other side does not speak TLS"


async def test_plaintext_to_a_tls_service_is_a_closed_connection(tmp_path: Path):
    async with a_tls_service(tmp_path) as (endpoint, _):
        reason = await greet(a_target(endpoint))

        assert reason == "closed while connecting (TLS expected?)"


async def test_web_server_is_recognised():
    async with an_http1_server() as endpoint:
        assert await greet(a_target(endpoint)) == "the other side does not speak gRPC"


async def test_other_grpc_service_is_recognised():
    server = grpc.aio.server()
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()

    reason = await greet(a_target(f"127.0.0.1:{port}"))

    assert reason == "the other side is no discovery service"
    await server.stop(None)


@pytest.mark.parametrize(
    ("endpoint", "expected"),
    [
        pytest.param("127.0.0.1:1", "connection refused", id="nobody there"),
        pytest.param("[::1]:1", "connection refused", id="nobody there, IPv6"),
        pytest.param("nobody.invalid:1", "host name not found", id="no such name"),
        pytest.param("unix:/x", "'unix:/x' is not host:port", id="a socket"),
    ],
)
async def test_unreachable_service_is_said_so(endpoint: str, expected: str):
    assert await greet(a_target(endpoint)) == expected


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        pytest.param(None, "No such file or directory", id="absent"),
        pytest.param(b"", "no PEM certificates", id="empty"),
        pytest.param(b"\x30\x82", "no PEM certificates", id="not PEM"),
        pytest.param(
            b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
            "CA file holds no usable certificate",
            id="PEM of nothing",
        ),
    ],
)
async def test_ca_file_that_cannot_be_used_is_said_so(
    tmp_path: Path, content: bytes | None, expected: str
):
    ca_file = tmp_path / "ca.pem"
    if content is not None:
        ca_file.write_bytes(content)
    async with a_tls_service(tmp_path) as (endpoint, _):
        reason = await greet(a_target(endpoint, plaintext=False, ca_file=str(ca_file)))

        assert expected in reason


async def test_https_proxy_is_asked_to_connect_by_name(tmp_path: Path):
    async with a_tls_service(tmp_path, "discovery.test") as (endpoint, ca_file):
        port = endpoint.rpartition(":")[2]
        async with ConnectProxy(f"127.0.0.1:{port}").serving() as proxy:
            named = f"discovery.test:{port}"
            target = a_target(named, plaintext=False, ca_file=ca_file)
            url = proxy.url.replace("http://", "http://user:word@")

            reason = await greet(target, {"HTTPS_PROXY": url})

            assert reason == ""
            assert proxy.asked == [f"CONNECT {named} HTTP/1.1"]
            assert any("Basic" in header for header in proxy.headers)


async def test_http_proxy_is_used_without_tls_too():
    async with (
        FakeDiscoveryService().serving() as service,
        ConnectProxy(service.endpoint).serving() as proxy,
    ):
        reason = await greet(a_target("discovery.test:80"), {"http_proxy": proxy.url})

        assert reason == ""
        assert proxy.asked == ["CONNECT discovery.test:80 HTTP/1.1"]


async def test_proxy_that_refuses_is_said_so():
    async with ConnectProxy("127.0.0.1:1").serving() as proxy:
        proxy.refuse = True

        reason = await greet(a_target("discovery.test:80"), {"http_proxy": proxy.url})

        assert reason == "the proxy refused (403)"


async def test_no_proxy_is_honoured_although_the_library_reads_the_environment(
    monkeypatch: pytest.MonkeyPatch,
):
    async with (
        FakeDiscoveryService().serving() as service,
        ConnectProxy("127.0.0.1:1").serving() as proxy,
    ):
        monkeypatch.setenv("https_proxy", proxy.url)
        monkeypatch.setenv("http_proxy", proxy.url)

        assert await greet(a_target(service.endpoint)) == ""
        assert proxy.asked == []


async def test_socks_proxy_is_refused_and_not_passed_by():
    async with FakeDiscoveryService().serving() as service:
        reason = await greet(
            a_target("discovery.test:80"), {"all_proxy": "socks5://127.0.0.1:1080"}
        )

        assert reason.startswith("socks5 proxies are not supported")
        assert service.calls == []


@pytest.mark.parametrize(
    ("ttl_s", "expected_ms"), [(1800, 180_000), (60, 10_000), (1, 10_000)]
)
def test_pings_are_ten_times_as_frequent_as_the_ttl(ttl_s: float, expected_ms: int):
    options = dict(discovery_channel._options(a_target("a:1", ttl_s=ttl_s), {}))

    assert options["grpc.keepalive_time_ms"] == expected_ms
    assert options["grpc.keepalive_timeout_ms"] == 20_000
    assert options["grpc.keepalive_permit_without_calls"] == 0
    assert options["grpc.http2.max_pings_without_data"] == 0
    assert options["grpc.max_receive_message_length"] == 8 << 20


@pytest.mark.parametrize(
    ("code", "details", "expected", "kind"),
    [
        (
            grpc.StatusCode.INVALID_ARGUMENT,
            "too\nlarge\x1b[31m",
            "invalid argument: too large [31m",
            Failure.REFUSED,
        ),
        (grpc.StatusCode.RESOURCE_EXHAUSTED, "", "resource exhausted", Failure.REFUSED),
        (grpc.StatusCode.DEADLINE_EXCEEDED, "x", "no answer in time", Failure.LATE),
        (grpc.StatusCode.ABORTED, "y" * 500, "aborted: " + "y" * 160, Failure.LOST),
        (grpc.StatusCode.UNAVAILABLE, "Connection refused", "connection refused", None),
    ],
)
def test_status_is_explained_in_one_short_printable_line(
    code: grpc.StatusCode, details: str, expected: str, kind: Failure | None
):
    metadata = grpc.aio.Metadata()
    error = grpc.aio.AioRpcError(code, metadata, metadata, details)

    explained = explain("Watch", error)

    assert explained.reason == expected
    assert explained.kind is (kind or Failure.LOST)


async def test_targets_are_never_taken_for_another_scheme():
    channel = open_channel(a_target("unix:443"), {})

    # "unix:443" as gRPC reads it is a socket; here it is a host.
    with pytest.raises(grpc.aio.AioRpcError, match=r"unix:443"):
        await channel.unary_unary("/x/y")(b"", timeout=5)

    await channel.close()


def test_there_is_a_bundle_of_system_roots_or_none_at_all():
    bundle = discovery_channel._read_roots("")

    assert bundle is None or ssl.PEM_HEADER.encode() in bundle
