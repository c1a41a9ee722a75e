"""Set arithmetic on IP prefixes, done on whole numbers.

A *span* is the first and the last address of a range. Both families lie on one line,
IPv4 first, so that sorting, merging and subtracting need to know nothing of families::

    0.0.0.0 ──── 255.255.255.255     gap     :: ──────── ffff:…:ffff
"""

from collections.abc import Iterable, Iterator, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Network
from typing import Final, TypeAlias

from kubespan.model.address import IPAddress, Network

Span: TypeAlias = tuple[int, int]
"""First and last address, both inclusive."""

_IPV4_BITS: Final = 32
_IPV6_BITS: Final = 128
# One more bit than IPv4 needs: the last IPv4 address must not touch the first IPv6 one.
_IPV6_AT: Final = 1 << 33


def span_of_address(ip: IPAddress) -> Span:
    """Return the span of one address; a zone is left out."""
    at = int(ip) if isinstance(ip, IPv4Address) else int(ip) + _IPV6_AT
    return at, at


def span_of_network(network: Network) -> Span:
    """Return the span of a network."""
    first, _ = span_of_address(network.network_address)
    return first, first + (1 << (network.max_prefixlen - network.prefixlen)) - 1


def merge_spans(spans: Iterable[Span]) -> tuple[Span, ...]:
    """Return the union: sorted, disjoint, nothing adjacent. Cost: O(n log n)."""
    merged: list[Span] = []
    for first, last in sorted(spans):
        if merged and first <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(merged[-1][1], last))
        else:
            merged.append((first, last))
    return tuple(merged)


def subtract_spans(spans: Sequence[Span], removed: Sequence[Span]) -> tuple[Span, ...]:
    """Return what of ``spans`` is not in ``removed``; both merged. Cost: O(n + m)."""
    kept: list[Span] = []
    at = 0
    for first, last in spans:
        start = first
        while at < len(removed) and removed[at][1] < start:
            at += 1
        here = at
        while here < len(removed) and removed[here][0] <= last:
            if start < removed[here][0]:
                kept.append((start, removed[here][0] - 1))
            start = removed[here][1] + 1
            here += 1
        if start <= last:
            kept.append((start, last))
    return tuple(kept)


def overlap_any(span: Span, others: Iterable[Span]) -> bool:
    """Tell whether a span shares an address with any of the others."""
    first, last = span
    return any(first <= end and start <= last for start, end in others)


def networks_from_spans(spans: Iterable[Span]) -> tuple[Network, ...]:
    """Return the fewest networks that cover merged spans exactly, in their order."""
    return tuple(network for span in spans for network in _networks_of(span))


def _networks_of(span: Span) -> Iterator[Network]:
    first, last = span
    if first < _IPV6_AT:
        for at, bits in _blocks(first, last, _IPV4_BITS):
            yield IPv4Network((at, _IPV4_BITS - bits))
        return
    for at, bits in _blocks(first - _IPV6_AT, last - _IPV6_AT, _IPV6_BITS):
        yield IPv6Network((at, _IPV6_BITS - bits))


def _blocks(first: int, last: int, width: int) -> Iterator[tuple[int, int]]:
    """Yield start and size in bits of the largest aligned blocks from left to right."""
    while first <= last:
        aligned = (first & -first).bit_length() - 1 if first else width
        fitting = (last - first + 1).bit_length() - 1
        bits = min(aligned, fitting)
        yield first, bits
        first += 1 << bits
