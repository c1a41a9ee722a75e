import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc

from discovery.drivers.given_up import GivenUp, end_given_up_calls

LARGE = bytes(4_000_000)
AFTER_S = 0.2


@asynccontextmanager
async def _a_server(handle: Any) -> AsyncIterator[Any]:
    """Serve one method, ``/s/m``, to a client of its own."""
    handler: Any = grpc.unary_stream_rpc_method_handler(handle)
    handlers = (grpc.method_handlers_generic_handler("s", {"m": handler}),)
    server = grpc.aio.server(handlers=handlers)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    # a window that the message does not fit into, and that does not grow
    options = (
        ("grpc.http2.bdp_probe", 0),
        ("grpc.http2.lookahead_bytes", 65535),
        ("grpc.max_receive_message_length", -1),
    )
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}", options) as channel:
        yield channel
    await server.stop(None)


async def _give_up(_request: bytes, context: Any) -> None:
    """Write what is not read, and no more of it after a moment."""
    try:
        async with asyncio.timeout(0.1):
            await context.write(LARGE)
    except TimeoutError:
        return


async def _until(reached: Any) -> None:
    async with asyncio.timeout(10):
        while not reached():
            await asyncio.sleep(0.01)


async def test_call_that_is_not_read_ends_some_time_after_its_handler() -> None:
    given_up = end_given_up_calls(AFTER_S)

    async with _a_server(_give_up) as channel:
        call = channel.unary_stream("/s/m")(b"")
        await _until(lambda: len(given_up) == 1)
        await _until(lambda: len(given_up) == 0)

        assert not call.done()


async def test_call_that_is_read_is_left_alone() -> None:
    given_up = end_given_up_calls(AFTER_S)

    async def answer(_request: bytes, context: Any) -> None:
        await context.write(LARGE)

    async with _a_server(answer) as channel:
        messages = [m async for m in channel.unary_stream("/s/m")(b"")]
        await _until(lambda: len(given_up) == 0)

    assert messages == [LARGE]


async def test_call_whose_handler_works_is_left_alone() -> None:
    given_up = end_given_up_calls(0.05)

    async def answer(_request: bytes, context: Any) -> None:
        await asyncio.sleep(0.3)
        await context.write(b"late")

    async with _a_server(answer) as channel:
        messages = [m async for m in channel.unary_stream("/s/m")(b"")]

    assert messages == [b"late"]
    assert len(given_up) == 0


async def test_each_call_is_given_its_own_time() -> None:
    now_s = [0.0]
    given_up = GivenUp(lambda: now_s[0], 0.01)
    early, late = (asyncio.create_task(asyncio.sleep(60)) for _ in range(2))

    given_up.handler_ended(early)
    now_s[0] = 0.01
    given_up.handler_ended(late)
    await _until(early.done)
    assert not late.done()
    now_s[0] = 0.02
    await _until(late.done)
    await _until(lambda: len(given_up) == 0)

    assert early.cancelled()
    assert late.cancelled()


async def test_call_that_has_ended_is_not_kept() -> None:
    given_up = GivenUp(lambda: 0.0)
    done = asyncio.create_task(asyncio.sleep(0))
    await done

    given_up.handler_ended(done)

    assert len(given_up) == 0
