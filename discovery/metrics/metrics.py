"""Every counter of the service, behind one object that says what happened.

Plain numbers, counted by the thread that serves; ``exposition.py`` gives them their
names. Counting a message costs some 50 ns.

Source: discovery.md 3.3.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from discovery.metrics.client_version import UNKNOWN, label_from_version
from discovery.metrics.distribution import Distribution
from discovery.state.clusters import Counts

# A stranger decides what versions there are; no dashboard needs more of them.
VERSIONS_MAX = 100
OTHER_VERSION = "other"

HANDLING_BOUNDS_S = (0.01, 0.1, 0.25, 0.5, 1.0, 2.5)
LAG_BOUNDS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
BATCH_BOUNDS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)

TYPE_BY_METHOD = {
    "Hello": "unary",
    "AffiliateUpdate": "unary",
    "AffiliateDelete": "unary",
    "List": "unary",
    "Watch": "server_stream",
}
# Names of statuses as gRPC for Python has them, and as dashboards know them.
CODE_NAMES = {
    "OK": "OK",
    "CANCELLED": "Canceled",
    "UNKNOWN": "Unknown",
    "INVALID_ARGUMENT": "InvalidArgument",
    "DEADLINE_EXCEEDED": "DeadlineExceeded",
    "NOT_FOUND": "NotFound",
    "ALREADY_EXISTS": "AlreadyExists",
    "PERMISSION_DENIED": "PermissionDenied",
    "RESOURCE_EXHAUSTED": "ResourceExhausted",
    "FAILED_PRECONDITION": "FailedPrecondition",
    "ABORTED": "Aborted",
    "OUT_OF_RANGE": "OutOfRange",
    "UNIMPLEMENTED": "Unimplemented",
    "INTERNAL": "Internal",
    "UNAVAILABLE": "Unavailable",
    "DATA_LOSS": "DataLoss",
    "UNAUTHENTICATED": "Unauthenticated",
}


@dataclass(frozen=True, slots=True)
class Levels:
    """What there is now, as opposed to what has happened.

    Attributes:
        stored: clusters, affiliates, endpoints in memory.
        watches: open watches.
        rate_buckets: client addresses the rate limit remembers.
        store_ready: whether what is read is whole, and changes are taken and kept.
    """

    stored: Counts = Counts(0, 0, 0)  # noqa: RUF009 - frozen
    watches: int = 0
    rate_buckets: int = 0
    store_ready: bool = True


@dataclass(slots=True)
class Calls:
    """What happened to one method."""

    started: int = 0
    received: int = 0
    sent: int = 0
    ended_by_code: dict[str, int] = field(
        default_factory=lambda: dict.fromkeys(CODE_NAMES, 0)
    )
    took_s: Distribution = field(
        default_factory=lambda: Distribution(HANDLING_BOUNDS_S)
    )


@dataclass(frozen=True, slots=True)
class StorageWork:
    """The last ``save`` or ``load`` that worked.

    Attributes:
        size_bytes: of the file.
        stored: what was in it.
        took_s: how long it took.
    """

    size_bytes: int
    stored: Counts
    took_s: float


class Metrics:
    """What is counted; one for each service. Written to by one thread alone.

    Attributes:
        read_levels: asked at every scrape, in the thread that serves; whoever builds
            the service sets it.
    """

    def __init__(self) -> None:
        self.read_levels: Callable[[], Levels] = Levels
        self.calls_by_method = {method: Calls() for method in TYPE_BY_METHOD}
        self.hellos_by_version = {UNKNOWN: 0}
        self.lag_s = Distribution(LAG_BOUNDS_S)
        self.batch = Distribution(BATCH_BOUNDS)
        self.watchers_stalled = 0
        self.updates_refreshed = 0
        self.calls_delayed = 0
        self.delay_s = 0.0
        self.calls_not_waited = 0
        self.calls_not_admitted = 0
        self.sweeps = 0
        self.clusters_swept = 0
        self.affiliates_swept = 0
        self.storage_runs: dict[tuple[str, bool], int] = {}
        self.last_work_by_operation: dict[str, StorageWork] = {}
        self.pages: dict[tuple[str, int], int] = {}

    def hello(self, client_version: str) -> None:
        """Count a Hello, valid or not, by the version of the client, as sent."""
        label = label_from_version(client_version)
        known = self.hellos_by_version
        if label not in known and len(known) > VERSIONS_MAX:
            label = OTHER_VERSION
        known[label] = known.get(label, 0) + 1

    def call_started(self, method: str) -> None:
        """Count a call that has its turn."""
        self.calls_by_method[method].started += 1

    def call_ended(self, method: str, code: str, took_s: float) -> None:
        """Count a call that ended with the status of this name, such as ``CANCELLED``.

        Only calls that were started; the rate limit is no part of them.
        """
        calls = self.calls_by_method[method]
        calls.ended_by_code[code] += 1
        calls.took_s.add(took_s)

    def message_received(self, method: str) -> None:
        """Count a request that could be read."""
        self.calls_by_method[method].received += 1

    def message_sent(self, method: str) -> None:
        """Count a reply, or one message to a watcher."""
        self.calls_by_method[method].sent += 1

    def call_delayed(self, wait_s: float) -> None:
        """Count a call that the rate limit lets wait."""
        self.calls_delayed += 1
        self.delay_s += wait_s

    def call_not_waited(self) -> None:
        """Count a call that was refused because its turn would have come too late."""
        self.calls_not_waited += 1

    def call_not_admitted(self) -> None:
        """Count a call for a cluster that is not served, or without its token."""
        self.calls_not_admitted += 1

    def refreshed(self) -> None:
        """Count an update that changed nothing a watcher could see."""
        self.updates_refreshed += 1

    def fanned_out(self, affiliates: int, lag_s: float) -> None:
        """Count one batch of changes of a cluster, and how long the first waited."""
        self.batch.add(affiliates)
        self.lag_s.add(lag_s)

    def watcher_stalled(self) -> None:
        """Count a watcher that was cut off."""
        self.watchers_stalled += 1

    def swept(self, clusters: int, affiliates: int) -> None:
        """Count one sweep and what it removed."""
        self.sweeps += 1
        self.clusters_swept += clusters
        self.affiliates_swept += affiliates

    def operated_storage(
        self, operation: str, *, ok: bool, work: StorageWork | None = None
    ) -> None:
        """Count one ``save`` or ``load`` of a snapshot.

        Args:
            operation: ``save`` or ``load``.
            ok: whether it worked.
            work: what it was about, if it worked.
        """
        key = (operation, ok)
        self.storage_runs[key] = self.storage_runs.get(key, 0) + 1
        if work is not None:
            self.last_work_by_operation[operation] = work

    def page_served(self, page: str, status: int) -> None:
        """Count an answer to a browser or a probe; ``page`` is one of a few names."""
        key = (page, status)
        self.pages[key] = self.pages.get(key, 0) + 1
