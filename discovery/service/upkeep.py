"""What goes on beside the calls: sweeping, forgetting, cutting off."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from discovery.service.stalls import Stalls
from discovery.service.store import Store
from discovery.state.rate_limit import RateLimiter

log = logging.getLogger(__name__)

FORGET_BUCKETS_S = 60.0


@asynccontextmanager
async def upkeep(
    store: Store,
    sweep_interval_s: float,
    limiter: RateLimiter,
    stalls: Stalls,
    now_ns: Callable[[], int],
) -> AsyncIterator[asyncio.TaskGroup]:
    """Keep the service tidy; yields the group of these tasks, for one more."""
    async with asyncio.TaskGroup() as group:
        tasks = (
            group.create_task(_sweep_forever(store, sweep_interval_s), name="sweeper"),
            group.create_task(_forget_forever(limiter, now_ns), name="forgetter"),
            group.create_task(stalls.watch_forever(), name="stalls"),
        )
        yield group
        for task in tasks:
            task.cancel()


async def _sweep_forever(store: Store, interval_s: float) -> None:
    """Sweep at once and then at every interval."""
    while True:
        try:
            await store.sweep()
        except Exception:  # a sweep comes again; the service must not go with it
            log.exception("sweep failed", extra={"fields": {}})
        await asyncio.sleep(interval_s)


async def _forget_forever(limiter: RateLimiter, now_ns: Callable[[], int]) -> None:
    while True:
        await asyncio.sleep(FORGET_BUCKETS_S)
        limiter.forget_full(now_ns())
