"""What the service needs of whatever keeps the records.

Reading is always reading ``Clusters``, in memory and at once. Writing goes through a
store, which changes ``Clusters`` and tells the watchers, now or when others have
agreed.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from discovery.state.affiliate import Submission
from discovery.state.cluster import Change

Announce = Callable[[str, Change], None]  # cluster ID and what changed in it


@dataclass(frozen=True, slots=True)
class StoreHealth:
    """How a store is.

    Attributes:
        ready: what is read is whole, and changes are taken.
        problem: one sentence for the operator; empty if all is well. A store can be
            ready with a problem, such as a full disk.
    """

    ready: bool
    problem: str = ""


class Store(Protocol):
    """Keeps the records of all clusters.

    Every change a store makes to ``Clusters`` is announced once, in order per
    affiliate, after ``Clusters`` says so too.
    """

    async def update(
        self, cluster_id: str, submission: Submission, patience_s: float
    ) -> None:
        """Merge a submission; returns once it is kept as well as this store can.

        Raises:
            LimitExceeded: something is full; nothing changed.
            Unavailable: not possible within ``patience_s``.
        """

    async def delete(
        self, cluster_id: str, affiliate_id: str, patience_s: float
    ) -> None:
        """Remove a record; an unknown one is no error and no news.

        Raises:
            Unavailable: not possible within ``patience_s``.
        """

    async def sweep(self) -> None:
        """Remove everything that has run out, leaving room for calls in between."""

    def was_restored(self, cluster_id: str) -> bool:
        """Tell whether a cluster was there when the service started.

        Always true if the service did not start anew, or nothing tells that it did.
        """

    def health(self) -> StoreHealth:
        """How it is now; costs nothing."""
