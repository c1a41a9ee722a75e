"""Every counter of the service, behind one object that says what happened.

Source: discovery.md 3.3.
"""

from prometheus_client import CollectorRegistry


class Metrics:
    """What is counted; one for each service, with a registry of its own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()

    def hello(self, client_version: str) -> None:
        """Count a Hello, valid or not, by the version of the client, as sent."""

    def call_started(self, method: str) -> None:
        """Count a call that has its turn."""

    def call_ended(self, method: str, code: str, took_s: float) -> None:
        """Count a call that ended with the status of this name."""

    def message_sent(self, method: str) -> None:
        """Count a reply, or one message to a watcher."""

    def refreshed(self) -> None:
        """Count an update that changed nothing a watcher could see."""

    def fanned_out(self, affiliates: int, lag_s: float) -> None:
        """Count one batch of changes of a cluster, and how long the first waited."""

    def watcher_stalled(self) -> None:
        """Count a watcher that was cut off."""

    def swept(self, clusters: int, affiliates: int) -> None:
        """Count one sweep and what it removed."""

    def operated_storage(self, operation: str, *, ok: bool) -> None:
        """Count one ``save`` or ``load`` of a snapshot."""
