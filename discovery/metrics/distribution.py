"""How often something was how large: a histogram that costs next to nothing to add to.

The library's own takes a lock and walks its buckets; these are added to for every
message, by one thread.
"""

from bisect import bisect_left
from itertools import accumulate


class Distribution:
    """Counts of values in buckets, and their sum.

    Args:
        bounds: upper bounds of the buckets, inclusive, ascending; what is larger than
            the last goes into one more.
    """

    __slots__ = ("_bounds", "_counts", "_sum")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self._bounds = bounds
        self._counts = [0] * (len(bounds) + 1)
        self._sum = 0.0

    def add(self, value: float) -> None:
        """Count one value. Cost: O(log n) in buckets."""
        self._counts[bisect_left(self._bounds, value)] += 1
        self._sum += value

    def buckets(self) -> list[tuple[str, float]]:
        """Return every bound as text, ``+Inf`` last, with how many were not above.

        Numbers are written as Go does (``1``, not ``1.0``): the text is a label.
        """
        names = [*(f"{bound:g}" for bound in self._bounds), "+Inf"]
        return list(zip(names, accumulate(self._counts), strict=True))

    @property
    def sum(self) -> float:
        """Sum of all values."""
        return self._sum
