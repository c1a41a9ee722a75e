"""A token bucket per client that makes the hasty wait instead of refusing them.

A bucket is one number: the instant at which it was, or will be, empty. Between that
instant and now it has been filling, up to the burst::

    empty_ns            now_ns                     now_ns      empty_ns
    ───┼──filling──────────┼──►  tokens to take      ───┼──────────┼──►  wait
"""

from collections.abc import Hashable
from typing import Final

from discovery.state.limits import NS_PER_S, RATE_WAIT_NS_MAX, WAITING_CALLS_MAX

# The bucket of everybody for whom there is no room.
STRANGERS: Final = "strangers"
# Looking through all buckets is not done more often, or a flood of new addresses would
# make every one of their calls as expensive as all buckets together.
FORGET_NS = NS_PER_S


class RateLimiter:
    """Tells each client how long its next call must wait.

    Args:
        rate_per_s: tokens a client earns per second; zero: nobody ever waits.
        burst: tokens a client that has been silent may spend at once, at least 1.
        buckets_max: how many clients are remembered. One more is remembered when one
            that has been silent can be forgotten; until then strangers share a bucket.

    Source:
        discovery.md 3.4.
    """

    def __init__(
        self, rate_per_s: float, burst: int, buckets_max: int = 100_000
    ) -> None:
        self._token_ns = round(NS_PER_S / rate_per_s) if rate_per_s else 0
        self._burst_ns = burst * self._token_ns
        self._buckets_max = buckets_max
        self._wait_ns_max = min(RATE_WAIT_NS_MAX, WAITING_CALLS_MAX * self._token_ns)
        self._forgot_ns = -FORGET_NS
        self._empty_ns_by_client: dict[Hashable, int] = {}

    def __len__(self) -> int:
        return len(self._empty_ns_by_client)

    def find_bucket(self, client: Hashable, now_ns: int) -> Hashable:
        """Return whose bucket a client's calls count in: its own, or the strangers'."""
        buckets = self._empty_ns_by_client
        if client in buckets or len(buckets) < self._buckets_max:
            return client
        if now_ns - self._forgot_ns >= FORGET_NS and self.forget_full(now_ns):
            return client
        return STRANGERS

    def reserve(
        self, bucket: Hashable, now_ns: int, patience_ns: int = RATE_WAIT_NS_MAX
    ) -> int | None:
        """Take one token, if need be one of the future.

        Args:
            bucket: as ``find_bucket`` said.
            now_ns: monotonic.
            patience_ns: how long the call can wait; never more than a minute counts.

        Returns:
            How long to wait, zero or more; None if that is longer than ``patience_ns``
            or too many wait already, and then no token was taken.
        """
        if not self._token_ns:
            return 0
        full_ns = now_ns - self._burst_ns
        empty_ns = max(self._empty_ns_by_client.get(bucket, full_ns), full_ns)
        wait_ns = max(0, empty_ns + self._token_ns - now_ns)
        if wait_ns > min(max(patience_ns, 0), self._wait_ns_max):
            return None
        self._empty_ns_by_client[bucket] = empty_ns + self._token_ns
        return wait_ns

    def give_back(self, bucket: Hashable) -> None:
        """Return the token of a call that was cancelled before its turn."""
        if bucket in self._empty_ns_by_client:
            self._empty_ns_by_client[bucket] -= self._token_ns

    def forget_full(self, now_ns: int) -> int:
        """Drop the buckets that are full again; return how many.

        Cost: O(n) in clients seen since the last time.
        """
        self._forgot_ns = now_ns
        full_ns = now_ns - self._burst_ns
        full = [c for c, empty in self._empty_ns_by_client.items() if empty <= full_ns]
        for client in full:
            del self._empty_ns_by_client[client]
        return len(full)
