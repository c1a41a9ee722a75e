"""Time that passes only when told to."""


class FakeClock:
    """Two clocks, set by hand."""

    def __init__(self, now_s: float = 1000.0, now_ns: int = 1_700_000_000_000_000_000):
        self.monotonic_s = now_s
        self.wall_ns = now_ns

    def now_s(self) -> float:
        return self.monotonic_s

    def now_ns(self) -> int:
        return self.wall_ns

    def advance(self, seconds: float) -> None:
        self.monotonic_s += seconds
        self.wall_ns += int(seconds * 1e9)
