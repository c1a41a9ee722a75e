"""A timer whose time passes when a test says so."""

from collections.abc import Callable


class FakeTimer:
    """Calls back in order of time, within ``pass_time``."""

    def __init__(self) -> None:
        self.time_s = 1000.0
        self.due: list[tuple[float, Callable[[], None]]] = []

    def now_s(self) -> float:
        return self.time_s

    def call_later(self, delay_s: float, callback: Callable[[], None]) -> object:
        self.due.append((self.time_s + delay_s, callback))
        return None

    def pass_time(self, seconds: float) -> None:
        """Let time pass, and everything happen that is due by then."""
        end_s = self.time_s + seconds
        while reached := [entry for entry in self.due if entry[0] <= end_s]:
            first = min(reached, key=lambda entry: entry[0])
            self.due.remove(first)
            self.time_s = max(self.time_s, first[0])
            first[1]()
        self.time_s = end_s
