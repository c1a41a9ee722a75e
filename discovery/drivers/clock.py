"""The only reader of time in the service."""

import time


def monotonic_ns() -> int:
    """Nanoseconds since some instant; never goes back."""
    return time.monotonic_ns()


def wall_ns() -> int:
    """Nanoseconds since 1970; may be set back or ahead at any moment."""
    return time.time_ns()
