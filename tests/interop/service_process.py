"""Our service as a process of its own, which can be killed and come back."""

import asyncio
import signal
import socket
import sys
from pathlib import Path

START_S = 20.0
STOP_S = 15.0


class ServiceProcess:
    """One service, always on the same port of loopback.

    Args:
        log: gets all it says.

    Attributes:
        address: ``host:port``, also while it does not run.
    """

    def __init__(self, log: Path) -> None:
        self._log = log
        self._process: asyncio.subprocess.Process | None = None
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._port = probe.getsockname()[1]
        self.address = f"127.0.0.1:{self._port}"

    async def start(self, *options: str) -> None:
        """Start it and wait until it can be connected to."""
        arguments = ["-m", "discovery", "--addr", self.address, "--landing-addr="]
        with self._log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                *arguments,
                *("--metrics-addr=", "--rate-limit=0", *options),
                stdout=log,
                stderr=log,
            )
        async with asyncio.timeout(START_S):
            while not await self._listens():
                assert self._process.returncode is None, self._log.read_text()
                await asyncio.sleep(0.02)

    async def stop(self, number: int = signal.SIGTERM) -> int:
        """Send a signal and wait for the end; returns the exit status."""
        process, self._process = self._process, None
        if process is None:
            return 0
        process.send_signal(number)
        return await asyncio.wait_for(process.wait(), STOP_S)

    async def kill(self) -> None:
        """End it without a farewell."""
        await self.stop(signal.SIGKILL)

    async def _listens(self) -> bool:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", self._port)
        except OSError:
            return False
        writer.close()
        return True
