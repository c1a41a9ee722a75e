"""Wait for an event, but not for ever."""

import asyncio


async def wait_at_most(event: asyncio.Event, timeout_s: float | None) -> bool:
    """Wait until an event is set or time is up; tell whether it is set.

    Unlike ``asyncio.wait_for`` of Python 3.11 it never loses a cancellation that
    arrives together with the event: a task that misses one cannot be stopped.
    """
    try:
        async with asyncio.timeout(timeout_s):
            await event.wait()
    except TimeoutError:
        return event.is_set()
    return True
