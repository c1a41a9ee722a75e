"""Lets calls wait for their turn, as the rate limit says.

Source: discovery.md 3.4.
"""

import asyncio
from collections.abc import Callable

from discovery.metrics.metrics import Metrics
from discovery.service.client_address import Address, client_from_address
from discovery.service.refusal import Exhausted
from discovery.state.limits import NS_PER_S
from discovery.state.rate_limit import RateLimiter


class Turns:
    """Who may go, and when.

    Args:
        limiter: who must wait how long.
        now_ns: monotonic clock.
        metrics: counts those who wait.
        ipv6_prefix_bits: how many bits of an IPv6 address make one client.
    """

    def __init__(
        self,
        limiter: RateLimiter,
        now_ns: Callable[[], int],
        metrics: Metrics,
        ipv6_prefix_bits: int = 64,
    ) -> None:
        self._limiter = limiter
        self._now_ns = now_ns
        self._metrics = metrics
        self._ipv6_prefix_bits = ipv6_prefix_bits

    async def wait(self, address: Address | None, patience_ns: int) -> None:
        """Return at the turn of a call; at once if its address is not known.

        Raises:
            Exhausted: the turn would come too late; then it was not taken.
        """
        if address is None:
            return
        client = client_from_address(address, self._ipv6_prefix_bits)
        now_ns = self._now_ns()
        bucket = self._limiter.find_bucket(client, now_ns)
        wait_ns = self._limiter.reserve(bucket, now_ns, patience_ns)
        if wait_ns is None:
            self._metrics.call_not_waited()
            raise Exhausted("too many calls from this address")
        if not wait_ns:
            return
        self._metrics.call_delayed(wait_ns / NS_PER_S)
        try:
            await asyncio.sleep(wait_ns / NS_PER_S)
        except asyncio.CancelledError:
            self._limiter.give_back(bucket)
            raise
