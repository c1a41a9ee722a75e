"""A load balancer as simple as can be: a connection goes to the next replica alive."""

import asyncio
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

CHUNK_BYTES = 1 << 16


@asynccontextmanager
async def a_balancer(*targets: str) -> AsyncIterator[str]:
    """Pass connections on to ``targets`` in turn; yields its ``host:port``."""
    turns = itertools.count()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        turn = next(turns)
        for offset in range(len(targets)):
            host, _, port = targets[(turn + offset) % len(targets)].rpartition(":")
            with suppress(OSError):
                there, back = await asyncio.open_connection(host, int(port))
                await _join((reader, back), (there, writer))
                return
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()


Way = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def _join(*ways: Way) -> None:
    async with asyncio.TaskGroup() as group:
        for way in ways:
            group.create_task(_carry(*way))


async def _carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while chunk := await reader.read(CHUNK_BYTES):
            writer.write(chunk)
            await writer.drain()
    writer.close()
