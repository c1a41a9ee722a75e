"""The client that Talos nodes run, against our service.

Built from source with the Go toolchain on PATH; its modules come from wherever that
toolchain is set up to find them.
"""

import asyncio
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.discovery.certificates import make_certificate, write_pair
from tests.discovery.running import a_service

pytestmark = [pytest.mark.interop, pytest.mark.timeout(300)]
SOURCE = Path(__file__).parent
BUILD_S = 240
RUN_S = 60


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Path:
    go = shutil.which("go")
    if go is None:
        pytest.skip("no Go toolchain on PATH")
    download = [go, "mod", "download"]
    if subprocess.run(download, cwd=SOURCE, timeout=BUILD_S, check=False).returncode:
        pytest.skip("the Go modules cannot be downloaded")
    program = tmp_path_factory.mktemp("client") / "discovery_client"
    subprocess.run(
        [go, "build", "-o", program, "."], cwd=SOURCE, timeout=BUILD_S, check=True
    )
    return program


async def run(program: Path, *arguments: str) -> str:
    """Run it to its end; what it says, and its exit status if that is not zero."""
    process = await asyncio.create_subprocess_exec(
        program,
        *arguments,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        said, _ = await asyncio.wait_for(process.communicate(), RUN_S)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    status = f"exit status {process.returncode}\n" if process.returncode else ""
    return said.decode() + status


@pytest.mark.parametrize(
    ("mode", "settings"),
    [
        pytest.param("two", {"rate_limit_per_s": 15.0}, id="two meet, change, leave"),
        pytest.param("many", {}, id="many tell endpoints of each other"),
        pytest.param("expire", {"gc_interval_s": 0.5}, id="a silent one is forgotten"),
    ],
)
async def test_nodes_find_each_other(
    client: Path, mode: str, settings: dict[str, float]
) -> None:
    async with a_service(**settings) as address:
        said = await run(client, address, mode)

    assert "not within" not in said
    assert "exit status" not in said


async def test_nodes_find_each_other_over_tls(client: Path, tmp_path: Path) -> None:
    certificate, key = write_pair(tmp_path, make_certificate("service"))

    async with a_service(certificate_path=certificate, key_path=key) as address:
        said = await run(client, address, "two", str(certificate))

    assert "not within" not in said
    assert "exit status" not in said


async def test_client_follows_a_redirect(client: Path) -> None:
    async with a_service() as there, a_service(redirect_endpoint=there) as here:
        said = await run(client, here, "two")

    assert "not within" not in said
    assert "exit status" not in said
