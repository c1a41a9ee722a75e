"""A token bucket per client that makes the hasty wait instead of refusing them.

A bucket is one number: the instant at which it was, or will be, empty. Between that
instant and now it has been filling, up to the burst::

    empty_ns            now_ns                     now_ns      empty_ns
    ───┼──filling──────────┼──►  tokens to take      ───┼──────────┼──►  wait
"""

from collections.abc import Hashable

from discovery.state.limits import NS_PER_S, RATE_WAIT_NS_MAX


class RateLimiter:
    """Tells each client how long its next call must wait.

    Args:
        rate_per_s: tokens a client earns per second; zero: nobody ever waits.
        burst: tokens a client that has been silent may spend at once, at least 1.

    Source:
        discovery.md 3.4.
    """

    def __init__(self, rate_per_s: float, burst: int) -> None:
        self._token_ns = round(NS_PER_S / rate_per_s) if rate_per_s else 0
        self._burst_ns = burst * self._token_ns
        self._empty_ns_by_client: dict[Hashable, int] = {}

    def __len__(self) -> int:
        return len(self._empty_ns_by_client)

    def reserve(
        self, client: Hashable, now_ns: int, patience_ns: int = RATE_WAIT_NS_MAX
    ) -> int | None:
        """Take one token, if need be one of the future.

        Args:
            client: whose bucket.
            now_ns: monotonic.
            patience_ns: how long the call can wait; never more than a minute counts.

        Returns:
            How long to wait, zero or more; None if that is longer than ``patience_ns``,
            and then no token was taken.
        """
        if not self._token_ns:
            return 0
        full_ns = now_ns - self._burst_ns
        empty_ns = max(self._empty_ns_by_client.get(client, full_ns), full_ns)
        wait_ns = max(0, empty_ns + self._token_ns - now_ns)
        if wait_ns > min(max(patience_ns, 0), RATE_WAIT_NS_MAX):
            return None
        self._empty_ns_by_client[client] = empty_ns + self._token_ns
        return wait_ns

    def give_back(self, client: Hashable) -> None:
        """Return the token of a call that was cancelled before its turn."""
        if client in self._empty_ns_by_client:
            self._empty_ns_by_client[client] -= self._token_ns

    def forget_full(self, now_ns: int) -> int:
        """Drop the buckets that are full again; return how many.

        Cost: O(n) in clients seen since the last time.
        """
        full_ns = now_ns - self._burst_ns
        full = [c for c, empty in self._empty_ns_by_client.items() if empty <= full_ns]
        for client in full:
            del self._empty_ns_by_client[client]
        return len(full)
