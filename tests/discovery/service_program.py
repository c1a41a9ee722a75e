"""The service as a process of its own."""

import asyncio
import os
import re
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

# Nothing of the host is touched but one port.
ALONE = ("--landing-addr=", "--metrics-addr=", "--snapshots-enabled=false")


@asynccontextmanager
async def a_program(
    *arguments: str, **environment: str
) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run it with flags; killed in the end if it still runs."""
    program = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "discovery", *ALONE, *arguments),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(Path.cwd()), **environment},
    )
    try:
        yield program
    finally:
        if program.returncode is None:
            program.kill()
        await program.wait()


async def told(program: asyncio.subprocess.Process) -> str:
    """Its next line on standard error."""
    assert program.stderr is not None
    return (await asyncio.wait_for(program.stderr.readline(), 20)).decode()


async def address_of(program: asyncio.subprocess.Process) -> str:
    """Where it listens on loopback, as it says itself; text or JSON."""
    while line := await told(program):
        found = re.search(r'address(?:=|": ")(127\.0\.0\.1:\d+)', line)
        if found and "listening" in line:
            return found[1]
    raise AssertionError("it ended")


def a_free_port() -> int:
    """A port of loopback that nobody has now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
