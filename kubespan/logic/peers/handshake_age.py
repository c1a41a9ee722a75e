"""How long ago a handshake was, told so that no clock jump can make it old.

WireGuard says when a handshake was by the wall clock, which may jump. A timestamp is
therefore turned into a monotonic instant once, when it is first seen, and kept.
"""

from math import inf
from typing import Final

_NS_PER_S: Final = 1_000_000_000


def handshake_instant_s(
    handshake_ns: int,
    known_ns: int,
    known_s: float | None,
    now_s: float,
    now_ns: int,
) -> float | None:
    """Return the monotonic instant of a handshake; None if there was none.

    Args:
        handshake_ns: wall clock as WireGuard says it; 0 for never.
        known_ns: the handshake known before; 0 for none.
        known_s: its monotonic instant.
        now_s: monotonic.
        now_ns: wall clock, read together with ``now_s``.

    Returns:
        Never in the future. An unchanged timestamp keeps its instant; a changed one is
        never placed before the handshake known before.
    """
    if handshake_ns <= 0:
        return None
    if handshake_ns == known_ns and known_s is not None:
        return known_s
    age_s = max(0.0, (now_ns - handshake_ns) / _NS_PER_S)
    earliest_s = -inf if known_s is None else min(known_s, now_s)
    return max(now_s - age_s, earliest_s)


def age_s(instant_s: float | None, now_s: float) -> float:
    """Return how long ago something was; infinite if it never was."""
    return inf if instant_s is None else max(0.0, now_s - instant_s)
