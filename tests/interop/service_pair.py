"""Two services: one can be told to send its clients to the other."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.interop.server_under_test import Server, foreign_server
from tests.interop.service_process import ServiceProcess


@asynccontextmanager
async def a_pair(directory: Path) -> AsyncIterator[tuple[ServiceProcess, Server]]:
    """One of our services, and the one under test or another of ours."""
    foreign = foreign_server()
    if foreign is not None and foreign.tls:
        pytest.skip("ours would have to speak TLS with a certificate clients trust")
    first = ServiceProcess(directory / "first")
    second = ServiceProcess(directory / "second")
    await first.start("--snapshots-enabled=false")
    try:
        if foreign is None:
            await second.start("--snapshots-enabled=false")
        yield first, foreign or Server(second.address)
    finally:
        await first.kill()
        await second.kill()
