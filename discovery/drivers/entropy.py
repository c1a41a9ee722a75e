"""The only source of randomness in the service; none of it is secret."""

import random
from collections.abc import Sequence
from typing import TypeVar

Item = TypeVar("Item")


def spread(seconds: float) -> float:
    """Return between half and all of a delay, so that replicas do not act as one."""
    return seconds * (0.5 + random.random() / 2)  # noqa: S311 - no secret


def shuffled(items: Sequence[Item]) -> list[Item]:
    """Return the same in an order of its own, so that replicas do not act as one."""
    return random.sample(items, len(items))
