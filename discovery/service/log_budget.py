"""How many lines strangers may make the log grow by; pure."""

from collections.abc import Callable

from discovery.state.limits import NS_PER_S


class LogBudget:
    """Lets so many lines a second pass, and counts the others.

    Args:
        lines_per_s: how many.
        now_ns: monotonic clock.
    """

    def __init__(self, lines_per_s: int, now_ns: Callable[[], int]) -> None:
        self._lines_per_s = lines_per_s
        self._now_ns = now_ns
        self._second = -1
        self._spent = 0
        self._suppressed = 0

    def take(self) -> bool:
        """Tell whether one more line may be written now."""
        second = self._now_ns() // NS_PER_S
        if second != self._second:
            self._second, self._spent = second, 0
        self._spent += 1
        if self._spent <= self._lines_per_s:
            return True
        self._suppressed += 1
        return False

    def take_suppressed(self) -> int:
        """How many lines were not written since this was last asked."""
        suppressed, self._suppressed = self._suppressed, 0
        return suppressed
