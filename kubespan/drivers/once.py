"""Facts that do not change while the daemon runs."""

from collections.abc import Sequence

from kubespan.engine.edges import Publisher
from kubespan.engine.resource import Resource


class Once:
    """Publishes one resource and is done.

    Args:
        fact: what to publish.
        warnings: what to tell operators about it.
    """

    def __init__(self, fact: Resource, warnings: Sequence[str] = ()) -> None:
        self._fact = fact
        self._warnings = warnings

    async def run(self, publisher: Publisher) -> None:
        """Publish; a ``Source``."""
        publisher.replace(type(self._fact), [self._fact])
        for number, warning in enumerate(self._warnings):
            publisher.warn(str(number), warning)
