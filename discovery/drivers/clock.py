"""The only reader of time in the service."""

import time


def monotonic_ns() -> int:
    """Nanoseconds since some instant; never goes back."""
    return time.monotonic_ns()
