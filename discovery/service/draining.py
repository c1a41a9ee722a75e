"""Ends open watches one after the other, so that their clients are no herd."""

import asyncio
import itertools

from discovery.service.audience import Watch
from discovery.service.watchers import Watchers

TICKS_PER_S = 20
# A client comes back 0.25 to 0.75 s after its watch ended (discovery.md 5.3), and hears
# only then where to go: the last one must still find somebody.
RETURN_S = 1.0


async def end_watches(watchers: Watchers, over_s: float, hurry: asyncio.Event) -> None:
    """End what is open now, evenly over a time, and return after that time.

    The last watch ends a second before the time is over, or half of it. Clients that
    watch again meanwhile are served: their connection would not let them go elsewhere.

    Args:
        watchers: who watches.
        over_s: how long to take; zero: no time.
        hurry: set it, and this returns at once.
    """
    spread_s = max(over_s - RETURN_S, over_s / 2)
    ticks = round(spread_s * TICKS_PER_S)
    for share in _shares(watchers.watches, ticks):
        for watch in share:
            watch.close()
        if await _is_set_within(hurry, spread_s / ticks):
            return
    await _is_set_within(hurry, over_s - spread_s)


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
