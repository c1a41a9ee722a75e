"""Where the service is between its start and its end, and whether it wants clients."""

from collections.abc import Callable

from discovery.service.store import StoreHealth

STARTING = StoreHealth(ready=False, problem="starting: records are being loaded")


class Lifetime:
    """From loading to listening to draining.

    Attributes:
        listening: the API can be connected to.
        draining: told to stop; clients are being sent away.
        read_store: how the store is; costs nothing.
    """

    def __init__(self) -> None:
        self.listening = False
        self.draining = False
        self.read_store: Callable[[], StoreHealth] = lambda: STARTING

    @property
    def is_ready(self) -> bool:
        """Whether clients should be sent here."""
        return self.listening and not self.draining and self.read_store().ready
