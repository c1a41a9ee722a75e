"""How long to wait before the next try."""

from collections.abc import Iterator


def growing_delays_s(
    first_s: float = 0.5, factor: float = 1.5, cap_s: float = 30.0
) -> Iterator[float]:
    """Yield delays for ever, each longer than the last, never above ``cap_s``."""
    delay_s = first_s
    while True:
        yield delay_s
        delay_s = min(delay_s * factor, cap_s)
