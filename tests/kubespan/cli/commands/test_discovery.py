"""The program itself, against a real service."""

import asyncio
import json
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import pytest
import yaml
from click.shell_completion import ShellComplete
from click.testing import CliRunner

from discovery.api import cluster_pb2 as pb
from kubespan.cli.main import kubespanctl
from kubespan.drivers.discovery.seals import DiscoverySeals
from kubespan.model.keys import SecretKey
from tests.builders import an_affiliate
from tests.config_texts import ID, IDENTITY, KUBESPAN, SECRET, document
from tests.discovery.certificates import make_certificate, write_pair
from tests.discovery.running import a_client, a_service, an_update
from tests.fakes.discovery_service import FakeDiscoveryService

PATIENCE_S = 20.0
TOKEN = "opensesame"


@dataclass(frozen=True)
class Said:
    out: str
    err: str
    status: int


async def ctl(*words: str) -> Said:
    """Run ``kubespanctl discovery`` to its end."""
    process = await started(*words)
    out, err = await asyncio.wait_for(process.communicate(), PATIENCE_S)
    return Said(out.decode(), err.decode(), process.returncode or 0)


async def started(*words: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "kubespan.cli.main", "discovery", *words),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


def a_config(directory: Path, *endpoints: str) -> str:
    """Write a configuration of services ``service-0`` and so on; its path."""
    services = [
        document(
            "DiscoveryServiceConfig", f"name: service-{number}\nendpoint: {endpoint}"
        )
        for number, endpoint in enumerate(endpoints)
    ]
    path = directory / "config.yaml"
    path.write_text(KUBESPAN + IDENTITY + "".join(services))
    return str(path)


def a_sealed_update(node_id: str) -> pb.AffiliateUpdateRequest:
    """What a node of the configured cluster publishes."""
    seals = DiscoverySeals(SecretKey.from_base64(SECRET))
    update = seals.seal_own(an_affiliate(node_id), bytes(12))
    return an_update(
        node_id,
        *update.endpoints,
        ttl_ns=60 * 10**9,
        cluster_id=ID,
        affiliate_data=update.data,
    )


@asynccontextmanager
async def a_published_cluster(**settings: Any) -> AsyncIterator[str]:
    """A service that knows ``node-a`` and ``node-b``; yields its URL."""
    async with a_service(**settings) as address, a_client(address) as client:
        await client.AffiliateUpdate(a_sealed_update("node-a"))
        await client.AffiliateUpdate(a_sealed_update("node-b"))
        yield f"http://{address}"


async def test_hello_tells_address_redirect_and_round_trip() -> None:
    async with a_service(redirect_endpoint="there.example:443") as address:
        said = await ctl("hello", "--endpoint", f"http://{address}")

    _, row = said.out.splitlines()
    assert said.status == 0
    assert row.split()[:3] == [address, "127.0.0.1", "there.example:443"]
    assert row.split()[4::2] == ["ms", "ms"]


async def test_hello_asks_every_service_of_the_configuration(tmp_path: Path) -> None:
    async with a_service() as one, a_service() as two:
        config = a_config(
            tmp_path, f"http://{one}", "http://127.0.0.1:1", f"http://{two}"
        )
        said = await ctl("hello", "--config", config, "-o", "json")

    assert [one["service"] for one in json.loads(said.out)] == [
        *("service-0", "service-2")
    ]
    assert said.err.startswith("kubespanctl: service-1: connection refused; ")
    assert said.status == 1


async def test_list_opens_records_with_the_secret_of_the_configuration(
    tmp_path: Path,
) -> None:
    async with a_published_cluster() as url:
        said = await ctl("list", "--config", a_config(tmp_path, url))
        as_yaml = await ctl("list", "--config", a_config(tmp_path, url), "-o", "yaml")

    header, *rows = said.out.splitlines()
    assert header.split()[:3] == ["SERVICE", "NAME", "TYPE"]
    assert [row.split()[:3] for row in rows] == [
        ["service-0", "node-a.example", "worker"],
        ["service-0", "node-b.example", "worker"],
    ]
    assert '["192.0.2.7:51820"]' in rows[0]
    documents = yaml.safe_load(as_yaml.out)
    assert documents[0]["affiliate"]["nodeId"] == "node-a"
    assert SECRET not in said.out + said.err + as_yaml.out


async def test_list_without_a_configuration_shows_what_the_service_sees() -> None:
    async with a_published_cluster() as url:
        said = await ctl("list", "--endpoint", url, "--cluster-id", ID)

    header, *rows = said.out.splitlines()
    assert header.split()[:3] == ["SERVICE", "ID", "DATA"]
    assert [row.split()[1] for row in rows] == ["node-a", "node-b"]
    assert "example" not in said.out


async def test_endpoint_of_the_configuration_is_asked_alone(tmp_path: Path) -> None:
    async with a_published_cluster() as url:
        config = a_config(tmp_path, "http://127.0.0.1:1", url)
        said = await ctl("list", "--config", config, "--endpoint", url)

    assert {row.split()[0] for row in said.out.splitlines()[1:]} == {"service-1"}
    assert (said.err, said.status) == ("", 0)


async def test_watch_prints_what_is_there_then_changes_until_interrupted(
    tmp_path: Path,
) -> None:
    async with a_published_cluster() as url:
        watching = await started("watch", "--config", a_config(tmp_path, url))
        assert watching.stdout is not None
        lines = [await watching.stdout.readline() for _ in range(3)]
        async with a_client(url.removeprefix("http://")) as client:
            await client.AffiliateUpdate(a_sealed_update("node-c"))
            lines.append(await watching.stdout.readline())
            gone = pb.AffiliateDeleteRequest(cluster_id=ID, affiliate_id="node-c")
            await client.AffiliateDelete(gone)
            lines.append(await watching.stdout.readline())
        watching.send_signal(signal.SIGINT)
        rest, err = await asyncio.wait_for(watching.communicate(), PATIENCE_S)

    texts = [line.decode().split(maxsplit=2)[2].strip() for line in lines]
    assert texts[0] == "snapshot: 2 affiliates"
    assert {text.split()[1] for text in texts[1:3]} == {
        *("node-a.example", "node-b.example")
    }
    assert texts[3].startswith("+ node-c.example")
    assert texts[4] == "- node-c"
    assert (rest, err, watching.returncode) == (b"", b"", 0)


async def test_watch_that_the_service_ends_is_an_error() -> None:
    async with FakeDiscoveryService().serving() as service:
        watching = await started(
            *("watch", "--endpoint", f"http://{service.endpoint}"),
            *("--cluster-id", "c", "-o", "json"),
        )
        assert watching.stdout is not None
        first = json.loads(await watching.stdout.readline())
        service.end_watches()
        _, err = await asyncio.wait_for(watching.communicate(), PATIENCE_S)

    assert (first["event"], first["count"]) == ("snapshot", 0)
    assert b"the service ended the watch" in err
    assert watching.returncode == 1


async def test_certificates_are_checked_unless_told_otherwise(tmp_path: Path) -> None:
    certificate, key = write_pair(tmp_path, make_certificate("service"))

    async with a_service(certificate_path=certificate, key_path=key) as address:
        url = f"https://{address}"
        refused, trusted, unchecked, plain = [
            await ctl("hello", "--endpoint", *words)
            for words in (
                [url],
                [url, "--ca-file", str(certificate)],
                [url, "--insecure"],
                [f"http://{address}"],
            )
        ]

    assert refused.status == 1
    assert "certificate not trusted" in refused.err
    assert "--ca-file" in refused.err
    assert (trusted.status, unchecked.status) == (0, 0)
    assert (plain.status, plain.out) == (1, "")
    assert "https://" in plain.err


async def test_callers_that_must_show_a_certificate_can(tmp_path: Path) -> None:
    (tmp_path / "own").mkdir()
    certificate, key = write_pair(tmp_path, make_certificate("service"))
    ours, our_key = write_pair(tmp_path / "own", make_certificate("caller"))
    own = tmp_path / "own.pem"
    own.write_bytes(ours.read_bytes() + our_key.read_bytes())
    settings = {"certificate_path": certificate, "key_path": key}

    async with a_service(**settings, client_ca_path=ours) as address:
        words = ("hello", "--endpoint", f"https://{address}")
        trusting = (*words, "--ca-file", str(certificate))
        without = await ctl(*trusting)
        shown = await ctl(*trusting, "--certificate-file", str(own))

    assert without.status == 1
    assert "--certificate-file" in without.err
    assert (shown.status, shown.err) == (0, "")


async def test_clusters_with_a_token_are_shown_to_who_has_it(tmp_path: Path) -> None:
    tokens = tmp_path / "tokens"
    tokens.write_text(f"{ID} {TOKEN}\n")
    token_file = tmp_path / "token"
    token_file.write_text(f"{TOKEN}\n")

    async with a_service(cluster_tokens_path=tokens) as address:
        url = f"http://{address}"
        words = ("list", "--endpoint", url, "--cluster-id", ID, "-o", "json")
        without = await ctl(*words)
        shown = await ctl(*words, "--token", TOKEN)
        config = a_config(tmp_path, url)
        with Path(config).open("a") as file:
            files = f"discoveryTokenFiles: {{service-0: {token_file}}}"
            file.write(document("KubeSpanHostConfig", files))
        configured = await ctl("list", "--config", config, "-o", "json")

    assert without.status == 1
    assert "does not admit this cluster" in without.err
    assert [json.loads(said.out) for said in (shown, configured)] == [[], []]
    assert not any(
        TOKEN in said.out + said.err for said in (without, shown, configured)
    )


async def test_service_without_tls_is_told_apart() -> None:
    async with a_service() as address:
        said = await ctl("hello", "--endpoint", f"grpc://{address}")
        unchecked = await ctl("hello", "--endpoint", f"grpc://{address}", "--insecure")

    assert "does not speak TLS; " in said.err
    assert "http://" in said.err
    assert unchecked.err == said.err


async def test_cluster_that_is_not_admitted_is_told_what_to_do() -> None:
    async with FakeDiscoveryService().serving() as service:
        service.refuse["List"] = grpc.StatusCode.PERMISSION_DENIED
        said = await ctl(
            *("list", "--endpoint", f"http://{service.endpoint}"),
            *("--cluster-id", "c", "--token", TOKEN),
        )

    assert service.shown == [f"Bearer {TOKEN}"]
    assert "does not admit this cluster" in said.err
    assert "--token" in said.err
    assert TOKEN not in said.out + said.err


@pytest.mark.parametrize(
    ("words", "part"),
    [
        pytest.param(["hello"], "Give --endpoint URL, or --config", id="nobody"),
        pytest.param(
            ["list", "--endpoint", "http://127.0.0.1:1"],
            "Give --cluster-id, or --config",
            id="no cluster",
        ),
        pytest.param(
            ["hello", "--endpoint", "127.0.0.1:3000"], "scheme is required", id="no URL"
        ),
        pytest.param(
            ["hello", "--endpoint", "ftp://127.0.0.1"], "scheme must be", id="ftp"
        ),
        pytest.param(
            ["hello", "--endpoint", "http://127.0.0.1:0"], "port must be", id="port"
        ),
        pytest.param(
            ["hello", "--endpoint", "http://h", "--token", "a\nb"],
            "printable ASCII",
            id="token",
        ),
        pytest.param(["watch", "-o", "wide"], "Invalid value for '-o'", id="output"),
        pytest.param(["nonsense"], "No such command", id="command"),
    ],
)
def test_wrong_usage_says_what_is_right(words: list[str], part: str) -> None:
    result = CliRunner(env={"KUBESPAN_CONFIG": ""}).invoke(
        kubespanctl, ["discovery", *words]
    )

    assert result.exit_code == 2
    assert part in result.stderr
    assert "a\nb" not in result.stderr


def test_configuration_without_a_service_is_told(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(IDENTITY)

    result = CliRunner().invoke(kubespanctl, ["discovery", "hello", "-c", str(path)])

    assert result.exit_code == 1
    assert "no discovery service is configured; give --endpoint URL" in result.stderr


@pytest.mark.parametrize("text", [None, "kind: nonsense\n"], ids=["missing", "invalid"])
def test_configuration_that_cannot_be_used_is_told(
    tmp_path: Path, text: str | None
) -> None:
    path = tmp_path / "config.yaml"
    if text is not None:
        path.write_text(text)

    result = CliRunner().invoke(kubespanctl, ["discovery", "list", "-c", str(path)])

    assert result.exit_code == 1
    assert result.stderr.startswith(str(path))
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    ("words", "last", "expected"),
    [
        (["discovery"], "", ["hello", "list", "watch"]),
        (["discovery", "list", "-o"], "", ["table", "json", "yaml"]),
        (["discovery", "hello"], "--in", ["--insecure"]),
        ([], "disc", ["discovery"]),
    ],
)
def test_shells_complete_it(words: list[str], last: str, expected: list[str]) -> None:
    complete = ShellComplete(kubespanctl, {}, "kubespanctl", "_KUBESPANCTL_COMPLETE")

    found = complete.get_completions(words, last)

    assert [one.value for one in found] == expected
