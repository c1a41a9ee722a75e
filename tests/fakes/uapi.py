"""A userspace WireGuard's socket in this process, and programs that pose as one."""

import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

PROGRAM = """\
#!{python} -S
import socket, sys
listener = socket.socket(socket.AF_UNIX)
listener.bind("{directory}/" + sys.argv[-1] + ".sock")
listener.listen()
while True:
    listener.accept()[0].close()
"""


@asynccontextmanager
async def serving(
    path: Path, answer: Callable[[bytes], bytes | None]
) -> AsyncIterator[list[bytes]]:
    """Answer requests on a socket; None hangs up. Yields the requests as they come."""
    requests: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            requests.append(await reader.readuntil(b"\n\n"))
            reply = answer(requests[-1])
            if reply is not None:
                writer.write(reply)
                await writer.drain()
                await reader.read()
        except (asyncio.IncompleteReadError, OSError):
            return
        finally:
            writer.close()

    server = await asyncio.start_unix_server(serve, path)
    try:
        yield requests
    finally:
        server.close()


def a_program(directory: Path, name: str = "wireguard-go", script: str = "") -> Path:
    """Write a program that listens as userspace WireGuards do, or does as scripted."""
    path = directory / name
    path.write_text(
        script or PROGRAM.format(python=sys.executable, directory=directory)
    )
    path.chmod(0o755)
    return path
