"""How many clusters, affiliates and watchers a load has; pure."""

import re
from dataclasses import dataclass
from typing import Self

RATE_PER_S = 100.0

_TEXT = re.compile(r"(?:(\d+)x)?(\d+)x(\d+)(?:@(\d+(?:\.\d+)?))?")


@dataclass(frozen=True, slots=True)
class Shape:
    """One size of load.

    Attributes:
        clusters: independent of each other.
        affiliates: of each cluster.
        watchers: of each cluster, one connection each.
        rate_per_s: updates of all clusters together, where they are paced.
    """

    clusters: int
    affiliates: int
    watchers: int
    rate_per_s: float = RATE_PER_S

    def __post_init__(self) -> None:
        if min(self.clusters, self.affiliates, self.watchers) < 1:
            raise ValueError(f"nothing to measure in {self}")
        if self.rate_per_s <= 0:
            raise ValueError(f"no updates at {self.rate_per_s} a second")

    @classmethod
    def from_text(cls, text: str) -> Self:
        """Parse ``[CLUSTERSx]AFFILIATESxWATCHERS[@RATE]``, such as ``200x20x20@400``.

        Raises:
            ValueError: it is anything else.
        """
        match = _TEXT.fullmatch(text)
        if match is None:
            raise ValueError(f"{text!r} is not [CLUSTERSx]AFFILIATESxWATCHERS[@RATE]")
        clusters, affiliates, watchers, rate = match.groups()
        return cls(
            int(clusters or 1),
            int(affiliates),
            int(watchers),
            float(rate or RATE_PER_S),
        )

    @property
    def watchers_in_all(self) -> int:
        """Connections that are open at once."""
        return self.clusters * self.watchers

    @property
    def affiliates_in_all(self) -> int:
        """Updates it takes to change everything once."""
        return self.clusters * self.affiliates

    def __str__(self) -> str:
        rate = f"{self.rate_per_s:g} updates/s"
        sizes = f"{self.affiliates:,} affiliates × {self.watchers:,} watchers"
        return (
            f"{self.clusters:,} clusters of {sizes}, {rate}"
            if self.clusters > 1
            else f"{sizes}, {rate}"
        )


SHAPES = ("500x500@100", "1024x1024@100", "200x20x20@400")
STANDARD = tuple(map(Shape.from_text, SHAPES))
