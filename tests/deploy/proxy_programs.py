"""The proxies of our examples, run as they stand but for ports and paths."""

import asyncio
import os
import shutil
import signal
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "deploy/discovery/proxies"
PATIENCE_S = 20.0
# nginx without TLS: what has to go from the example
_TLS_LINES = ("ssl_certificate", "ssl_protocols")


def free_port() -> int:
    """A port of loopback that nobody listens on."""
    with socket.socket(socket.AF_INET6) as listening:
        listening.bind(("::1", 0))
        return int(listening.getsockname()[1])


def nginx_example(folder: Path, replacements: Mapping[str, str]) -> Path:
    """Write the example with these texts replaced, each of which must be in it."""
    text = (EXAMPLES / "nginx.conf").read_text()
    for old, new in {"/run/nginx.pid": str(folder / "pid"), **replacements}.items():
        assert old in text, f"the example has no {old}"
        text = text.replace(old, new)
    path = folder / "nginx.conf"
    path.write_text(text)
    return path


def without_tls(path: Path) -> Path:
    """The same for plaintext HTTP/2."""
    lines = path.read_text().replace(" ssl http2", " http2").splitlines(keepends=True)
    kept = [line for line in lines if not line.strip().startswith(_TLS_LINES)]
    path.write_text("".join(kept))
    return path


def program(name: str) -> str:
    """The program's path, or the test is skipped."""
    path = os.environ["PATH"] + ":/usr/sbin:/sbin"
    found = shutil.which(name, path=path)
    if found is None:
        pytest.skip(f"no {name} here; .ci/setup --programs all installs it")
    return found


@asynccontextmanager
async def running(
    port: int, *arguments: str, environment: Mapping[str, str] | None = None
) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run a proxy until it listens on the port; end it gently afterwards."""
    process = await asyncio.create_subprocess_exec(
        *arguments,
        env={**os.environ, **(environment or {})},
        stdout=asyncio.subprocess.DEVNULL,
    )
    try:
        await asyncio.wait_for(_until_listening(process, port), PATIENCE_S)
        yield process
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
        await asyncio.wait_for(process.wait(), PATIENCE_S)


async def _until_listening(process: asyncio.subprocess.Process, port: int) -> None:
    while process.returncode is None:
        try:
            _, writer = await asyncio.open_connection("::1", port)
        except OSError:
            await asyncio.sleep(0.02)
        else:
            writer.close()
            await writer.wait_closed()
            return
    raise AssertionError(f"it ended with status {process.returncode}")
