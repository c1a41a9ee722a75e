"""Who keeps what, when several claim the same addresses.

One pass over all claims, sorted by their first address, in place of comparing every
pair; only groups of spans that really touch each other are looked at closely::

    claim 0      ├────────┤                       keeps all
    claim 1            ├──────────┤               keeps what is right of claim 0
    claim 2                 ├──┤                  keeps nothing
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from heapq import heappop, heappush
from typing import TypeAlias

from kubespan.logic.prefixes import Span, merge_spans

_Claimed: TypeAlias = tuple[int, int, int]
"""First, last, rank: the index of the claim; the lower wins."""


@dataclass(frozen=True, slots=True)
class Division:
    """The outcome for those who lost something; the others keep their claim.

    Attributes:
        kept_by_loser: what a rank is left with; merged, may be empty.
        winner_by_loser: one lower rank that took something from it.
    """

    kept_by_loser: dict[int, tuple[Span, ...]]
    winner_by_loser: dict[int, int]


def divide_spans(claims: Sequence[Sequence[Span]]) -> Division:
    """Give every address to the first claim that holds it.

    Args:
        claims: each merged; the lower index wins.

    Returns:
        Claim ``i`` minus the union of all claims before it, for those who lose.

    Cost: O(n log n) in spans, however many overlap.
    """
    given: dict[int, list[Span]] = {}
    contested: set[tuple[int, int]] = set()
    winner_by_loser: dict[int, int] = {}
    for group in _touching_groups(claims):
        contested.update((rank, first) for first, _, rank in group)
        sweep = _Sweep(given, winner_by_loser)
        for first, last, rank in group:
            sweep.open(first, last, rank)
        sweep.finish()
    kept_by_loser = {
        loser: merge_spans(
            [span for span in claims[loser] if (loser, span[0]) not in contested]
            + given.get(loser, [])
        )
        for loser in winner_by_loser
    }
    return Division(kept_by_loser, winner_by_loser)


def _touching_groups(claims: Sequence[Sequence[Span]]) -> Iterator[list[_Claimed]]:
    """Yield groups of two and more spans that hang together by sharing addresses."""
    ordered = sorted(
        [
            (first, last, rank)
            for rank, claim in enumerate(claims)
            for first, last in claim
        ]
    )
    begin = 0
    group_last = -1
    for index, (first, last, _) in enumerate(ordered):
        if first > group_last:
            if index - begin > 1:
                yield ordered[begin:index]
            begin = index
            group_last = last
        elif last > group_last:
            group_last = last
    if len(ordered) - begin > 1:
        yield ordered[begin:]


@dataclass(slots=True)
class _Sweep:
    """Goes from left to right; the lowest rank that is open owns the ground.

    Attributes:
        opened: heap of (rank, last); those that ended are dropped when they surface.
        at: first address not given to anybody yet.
    """

    given: dict[int, list[Span]]
    winner_by_loser: dict[int, int]
    opened: list[tuple[int, int]] = field(default_factory=list)
    at: int = 0

    def open(self, first: int, last: int, rank: int) -> None:
        """Meet the next span, sorted by its first address."""
        self._give_up_to(first - 1)
        self.at = first
        if self.opened:
            top = self.opened[0][0]
            self.winner_by_loser.setdefault(max(top, rank), min(top, rank))
        heappush(self.opened, (rank, last))

    def finish(self) -> None:
        """Give what is still open."""
        self._give_up_to(max(last for _, last in self.opened))

    def _give_up_to(self, until: int) -> None:
        """Give the ground up to an address; drop owners that end before the next."""
        while self.opened:
            rank, last = self.opened[0]
            stop = min(last, until)
            if self.at <= stop:
                self.given.setdefault(rank, []).append((self.at, stop))
                self.at = stop + 1
            if last > until:
                return
            heappop(self.opened)
