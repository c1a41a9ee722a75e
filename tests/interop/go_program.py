"""The program in Go: built once, played one scenario at a time."""

import asyncio
import shutil
import subprocess
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.interop.server_under_test import Server

SOURCE = Path(__file__).parent / "discovery_client"
BUILD_S = 240
RUN_S = 120.0

Order = Callable[[], Awaitable[Any]]


def build(directory: Path) -> Path:
    """Return the program; skips the test where it cannot be built."""
    go = shutil.which("go")
    if go is None:
        pytest.skip("no Go toolchain on PATH")
    download = [go, "mod", "download"]
    if subprocess.run(download, cwd=SOURCE, timeout=BUILD_S, check=False).returncode:
        pytest.skip("the Go modules cannot be downloaded")
    program = directory / "discovery_client"
    subprocess.run(
        [go, "build", "-o", program, "."], cwd=SOURCE, timeout=BUILD_S, check=True
    )
    return program


async def play(
    program: Path,
    server: Server,
    scenario: str,
    *flags: str,
    orders: Mapping[str, Order] | None = None,
    within_s: float = RUN_S,
) -> str:
    """Play a scenario to its end and return what it printed; fails as it does.

    Args:
        orders: what to do when it asks for it.
    """
    tls = ["-tls", "-ca", server.ca] if server.tls else []
    process = await asyncio.create_subprocess_exec(
        program,
        *(*tls, *flags, server.address, scenario),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        async with asyncio.timeout(within_s):
            said = await _follow(process, orders or {})
            status = await process.wait()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    print(said)  # noqa: T201 - shown when the test fails, with its measurements
    assert status == 0, said
    return said


async def _follow(
    process: asyncio.subprocess.Process, orders: Mapping[str, Order]
) -> str:
    assert process.stdout is not None
    assert process.stdin is not None
    said = ""
    while line := (await process.stdout.readline()).decode():
        said += line
        if line.startswith("ask "):
            await orders[line.removeprefix("ask ").strip()]()
            process.stdin.write(b"\n")
    return said
