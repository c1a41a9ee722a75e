"""The two clocks of a store that outlives its process."""

from collections.abc import Callable
from dataclasses import dataclass

from discovery.drivers.clock import monotonic_ns, wall_ns


@dataclass(frozen=True, slots=True)
class Clocks:
    """Where time comes from.

    Attributes:
        monotonic_ns: what expiry counts by.
        wall_ns: what outlives the process; may be stepped at any moment.
    """

    monotonic_ns: Callable[[], int] = monotonic_ns
    wall_ns: Callable[[], int] = wall_ns
