"""The only reader of time."""

import time


class SystemClock:
    """The host's clocks."""

    def now_s(self) -> float:
        """Return the monotonic clock in seconds; runs on while the host sleeps."""
        return time.clock_gettime(time.CLOCK_BOOTTIME)

    def now_ns(self) -> int:
        """Return the wall clock in nanoseconds since the epoch; may jump."""
        return time.time_ns()
