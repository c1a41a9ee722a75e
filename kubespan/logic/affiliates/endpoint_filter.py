"""Which addresses may serve as endpoints: an ordered list of yes and no.

Source:
    kubespan.md section 2.4; Go library siderolabs/net, ``FilterIPs``.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from ipaddress import ip_network
from typing import Self, TypeVar

from kubespan.model.address import IPAddress, Network

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class FilterEntry:
    """One entry of a filter: take, or take away, what a network holds."""

    network: Network
    take: bool

    @classmethod
    def from_text(cls, text: str) -> Self:
        """Parse a CIDR or an address, with at most one ``!`` in front.

        Raises:
            ValueError: it is neither.
        """
        return cls(
            ip_network(text.removeprefix("!"), strict=False),
            take=not text.startswith("!"),
        )


def filter_by_ip(
    items: Iterable[T], entries: Sequence[str], ip_of: Callable[[T], IPAddress]
) -> tuple[T, ...]:
    """Return the items that a filter lets through.

    Entries work in order: a positive one appends every item whose address it holds, a
    negative one takes such items away again. So the order is the filter's first and the
    items' second, and no entries, or only negative ones, let nothing through.
    """
    given = tuple(dict.fromkeys(items))
    taken: dict[T, None] = {}
    for entry in map(FilterEntry.from_text, entries):
        for item in given:
            if ip_of(item) not in entry.network:
                continue
            if entry.take:
                taken.setdefault(item)
            else:
                taken.pop(item, None)
    return tuple(taken)
