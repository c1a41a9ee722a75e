"""Real proxies with our examples in front of a real service."""

import asyncio
import ipaddress
import signal
import subprocess
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import grpc
import pytest

from discovery.api import cluster_pb2 as pb
from discovery.api.cluster_pb2_grpc import ClusterStub
from tests.deploy.proxy_programs import (
    EXAMPLES,
    free_port,
    nginx_example,
    program,
    running,
    without_tls,
)
from tests.discovery.certificates import make_certificate, write_pair
from tests.discovery.running import AWatch, a_client, a_service, an_update, code_of

pytestmark = pytest.mark.interop

LOOPBACK = (ipaddress.ip_network("127.0.0.1"),)
# What a caller may try, to be taken for somebody else.
LIES = (
    ("x-real-ip", "203.0.113.66"),
    ("x-forwarded-for", "203.0.113.67, 203.0.113.68"),
    ("forwarded", "for=203.0.113.69"),
)
WATCHES = "discovery_state_subscriptions "
HELLO = pb.HelloRequest(cluster_id="c", client_version="v1.12.0")


@dataclass(frozen=True)
class Behind:
    """Where the service serves what is not the API."""

    pages: str = ""
    metrics: str = ""

    async def watches(self) -> int:
        """How many are open, as the service counts them."""
        address = f"http://{self.metrics}/metrics"
        async with aiohttp.ClientSession() as session, session.get(address) as answer:
            text = await answer.text()
        (line,) = [x for x in text.splitlines() if x.startswith(WATCHES)]
        return int(float(line.removeprefix(WATCHES)))


@asynccontextmanager
async def a_whole_service() -> AsyncIterator[tuple[str, Behind]]:
    behind = Behind(f"127.0.0.1:{free_port()}", f"127.0.0.1:{free_port()}")
    async with a_service(
        trusted_proxies=LOOPBACK,
        landing_addr=behind.pages,
        metrics_addr=behind.metrics,
    ) as address:
        yield address, behind


@dataclass(frozen=True)
class Front:
    """A proxy and the service behind it."""

    port: int
    service: str
    process: asyncio.subprocess.Process
    ca: bytes | None
    behind: "Behind"

    @asynccontextmanager
    async def client(self, host: str = "[::1]") -> AsyncIterator[ClusterStub]:
        """A client on a connection of its own, over IPv6 unless told otherwise."""
        target = f"{host}:{self.port}"
        if self.ca is None:
            async with a_client(target) as client:
                yield client
            return
        credentials = grpc.ssl_channel_credentials(self.ca)
        options = (("grpc.use_local_subchannel_pool", 1),)
        async with grpc.aio.secure_channel(target, credentials, options) as channel:
            yield ClusterStub(channel)


@asynccontextmanager
async def nginx(folder: Path, kind: str) -> AsyncIterator[Front]:
    """The example; ``kind`` is ``tls`` or ``plaintext``."""
    async with (
        a_whole_service() as (address, behind),
        nginx_before(address, folder, kind, behind) as front,
    ):
        yield front


@asynccontextmanager
async def nginx_before(
    address: str, folder: Path, kind: str, behind: Behind
) -> AsyncIterator[Front]:
    """The same before any service."""
    executable, port = program("nginx"), free_port()
    pair = make_certificate("discovery")
    certificate, key = write_pair(folder, pair)
    path = nginx_example(
        folder,
        {
            "/etc/ssl/discovery.crt": str(certificate),
            "/etc/ssl/discovery.key": str(key),
            "listen 443 ": f"listen 127.0.0.1:{port} ",
            "listen [::]:443 ": f"listen [::1]:{port} ",
            "server 127.0.0.1:3000": f"server {address}",
            "http://127.0.0.1:3001": f"http://{behind.pages}",
        },
    )
    ca = pair[0] if kind == "tls" else without_tls(path) and None
    command = (executable, "-e", "stderr", "-g", "daemon off;", "-c", str(path))
    async with running(port, *command) as process:
        yield Front(port, address, process, ca, behind)


@asynccontextmanager
async def caddy(folder: Path) -> AsyncIterator[Front]:
    """The example with plaintext HTTP/2, so that no certificate must be got."""
    executable, port = program("caddy"), free_port()
    options = f"""{{
        admin off
        auto_https off
        storage file_system {folder}
        servers {{
            protocols h1 h2 h2c
        }}
    }}
    """
    path = folder / "Caddyfile"
    path.write_text(options + (EXAMPLES / "Caddyfile").read_text())
    async with a_whole_service() as (address, behind):
        environment = {
            "DISCOVERY_NAME": f"http://:{port}",
            "DISCOVERY_API": address,
            "DISCOVERY_PAGES": behind.pages,
            "XDG_CONFIG_HOME": str(folder),
        }
        command = (executable, "run", "--adapter", "caddyfile", "--config", str(path))
        async with running(port, *command, environment=environment) as process:
            yield Front(port, address, process, None, behind)


@pytest.fixture(params=["nginx with tls", "nginx in plaintext", "caddy in plaintext"])
async def front(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Front]:
    name, _, kind = request.param.split()
    async with caddy(tmp_path) if name == "caddy" else nginx(tmp_path, kind) as it:
        yield it


async def test_client_is_told_its_own_address_and_not_the_proxys(front: Front):
    async with front.client("[::1]") as six, front.client("127.0.0.1") as four:
        told = (await six.Hello(HELLO)).client_ip, (await four.Hello(HELLO)).client_ip

    assert told == (
        ipaddress.ip_address("::1").packed,
        ipaddress.ip_address("127.0.0.1").packed,
    )


async def test_client_cannot_choose_its_address(front: Front):
    async with front.client() as client:
        told = (await client.Hello(HELLO, metadata=LIES)).client_ip

    assert told == ipaddress.ip_address("::1").packed


async def test_watch_through_the_proxy_tells_what_changes_elsewhere(front: Front):
    async with front.client() as one, a_client(front.service) as other:
        watch = AWatch(one)
        snapshot = await watch.next()

        await other.AffiliateUpdate(an_update("af1", b"endpoint", affiliate_data=b"d"))
        change = await watch.next()

    assert not snapshot.affiliates
    assert [(a.id, a.data) for a in change.affiliates] == [("af1", b"d")]


async def test_many_watches_share_the_proxy(front: Front):
    async with AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(front.client()) for _ in range(4)]
        watches = [AWatch(client) for client in clients for _ in range(75)]
        snapshots = [await watch.next() for watch in watches]

        await clients[0].AffiliateUpdate(an_update("af1", affiliate_data=b"d"))
        changes = [await watch.next() for watch in watches]

    assert len(snapshots) == 300
    assert {change.affiliates[0].id for change in changes} == {"af1"}


async def test_status_of_a_refused_call_arrives(front: Front):
    async with front.client() as client:
        code = await code_of(client.Hello(pb.HelloRequest()))

    assert code is grpc.StatusCode.INVALID_ARGUMENT


async def test_watch_whose_client_is_gone_ends_at_the_service(front: Front):
    async with front.client() as client:
        watch = AWatch(client)
        await watch.next()
        before = await front.behind.watches()

    async with asyncio.timeout(10):
        while await front.behind.watches():
            await asyncio.sleep(0.02)
    assert before == 1


# nginx in plaintext speaks HTTP/2 only, which browsers do not
@pytest.mark.parametrize(
    "front", ["nginx with tls", "caddy in plaintext"], indirect=True
)
async def test_pages_are_under_the_same_name(front: Front):
    scheme = "http" if front.ca is None else "https"
    address = f"{scheme}://[::1]:{front.port}/inspect"

    async with (
        aiohttp.ClientSession() as session,
        session.get(address, ssl=False) as answer,
    ):
        text = await answer.text()

    assert answer.status == 200
    assert "cluster" in text


async def test_watch_survives_a_reload_of_nginx(tmp_path: Path):
    async with nginx(tmp_path, "tls") as front, front.client() as client:
        watch = AWatch(client)
        await watch.next()

        front.process.send_signal(signal.SIGHUP)
        async with front.client() as later:
            await later.AffiliateUpdate(an_update("af1", affiliate_data=b"d"))
        change = await watch.next()

    assert change.affiliates[0].id == "af1"


async def test_service_that_is_away_is_unavailable(tmp_path: Path):
    nobody = f"127.0.0.1:{free_port()}"
    async with (
        nginx_before(nobody, tmp_path, "tls", Behind("127.0.0.1:9")) as front,
        front.client() as client,
    ):
        code = await code_of(client.Hello(HELLO))

    assert code is grpc.StatusCode.UNAVAILABLE


async def test_one_connection_of_a_proxy_carries_more_than_250_watches():
    """As Envoy does it: the official service would let the rest wait."""
    async with (
        a_service(trusted_proxies=LOOPBACK, rate_limit_per_s=15.0) as address,
        a_client(address) as client,
    ):
        request = pb.WatchRequest(cluster_id="c")
        calls = [
            client.Watch(request, metadata=(("x-real-ip", f"198.51.100.{n % 250}"),))
            for n in range(600)
        ]
        snapshots = [await asyncio.wait_for(call.read(), 10) for call in calls]

    assert len(snapshots) == 600


async def test_who_is_no_trusted_proxy_is_not_believed():
    async with (
        a_service(addr="[::1]:0", trusted_proxies=LOOPBACK) as address,
        a_client(address) as client,
    ):
        told = (await client.Hello(HELLO, metadata=LIES)).client_ip

    assert told == ipaddress.ip_address("::1").packed


def test_nginx_takes_the_example_as_it_stands(tmp_path: Path):
    certificate, key = write_pair(tmp_path, make_certificate("discovery"))
    path = nginx_example(
        tmp_path,
        {
            "/etc/ssl/discovery.crt": str(certificate),
            "/etc/ssl/discovery.key": str(key),
        },
    )

    command = [program("nginx"), "-t", "-e", "stderr", "-c", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    assert "warn" not in done.stderr


def test_caddy_takes_the_example_as_it_stands():
    command = [program("caddy"), "adapt", "--config", str(EXAMPLES / "Caddyfile")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
