"""A daemon's management API in a thread of its own, for commands that block."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kubespan.drivers.management import ManagementServer, ManagementService
from kubespan.engine.store import Store


@contextmanager
def serving(store: Store, socket: Path) -> Iterator[asyncio.AbstractEventLoop]:
    """Serve a store until the block ends; yields the loop that owns the store."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    async def start() -> ManagementServer:
        server = ManagementServer(ManagementService(store, "node-1"), socket)
        await server.start()
        return server

    server = asyncio.run_coroutine_threadsafe(start(), loop).result(10)
    try:
        yield loop
    finally:
        asyncio.run_coroutine_threadsafe(server.stop(0.1), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
