"""How long to wait before the next try: longer each time, spread by chance, bounded."""

from collections.abc import Callable
from typing import Final

FIRST_S: Final = 0.5
FACTOR: Final = 1.5
CAP_S: Final = 60.0
"""Before the spread, so that no wait exceeds 90 s."""


class Backoff:
    """Delays of 0.5, 0.75, 1.125 ... 60 s, each spread by ±50 %.

    Args:
        jitter: returns a number within 0.0 <= x < 1.0; 0.5 is no spread.

    Source:
        kubespan.md section 3.6; discovery.md section 5.3.
    """

    def __init__(self, jitter: Callable[[], float]) -> None:
        self._jitter = jitter
        self._base_s = FIRST_S

    def next_s(self) -> float:
        """Return the next delay; the one after it is longer."""
        delay_s = self._base_s * (0.5 + self._jitter())
        self._base_s = min(self._base_s * FACTOR, CAP_S)
        return delay_s

    def reset(self) -> None:
        """Start again with the shortest delay."""
        self._base_s = FIRST_S
