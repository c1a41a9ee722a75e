"""Ends open watches one after the other, so that their clients are no herd."""

import asyncio
import itertools

from discovery.service.audience import Watch
from discovery.service.watchers import Watchers

TICKS_PER_S = 20


async def end_watches(watchers: Watchers, over_s: float, hurry: asyncio.Event) -> None:
    """End what is open now, evenly over a time, and return after that time.

    Clients that watch again meanwhile are served: their connection would not let them
    go elsewhere.

    Args:
        watchers: who watches.
        over_s: how long to take; zero: no time.
        hurry: set it, and this returns at once.
    """
    ticks = round(over_s * TICKS_PER_S)
    for share in _shares(watchers.watches, ticks):
        for watch in share:
            watch.close()
        if await _is_set_within(hurry, over_s / ticks):
            return


def _shares(watches: tuple[Watch, ...], parts: int) -> list[tuple[Watch, ...]]:
    """Divide into parts that differ by one at most; none for no parts."""
    bounds = [len(watches) * part // (parts or 1) for part in range(parts + 1)]
    return [watches[a:b] for a, b in itertools.pairwise(bounds)]


async def _is_set_within(event: asyncio.Event, patience_s: float) -> bool:
    try:
        async with asyncio.timeout(patience_s):
            await event.wait()
    except TimeoutError:
        return False
    return True
