"""What the receiving processes are told, and what they answer; pure."""

from collections.abc import Mapping
from dataclasses import dataclass

from bench.discovery.knowledge import Heard

Address = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Open:
    """Open watches and say when each has its snapshot.

    Attributes:
        address: of the server.
        cluster_ids: one per watcher.
        affiliates: of each cluster.
        metadata: headers of the call, one mapping per watcher.
    """

    address: Address
    cluster_ids: list[str]
    affiliates: int
    metadata: list[dict[str, str]]


@dataclass(frozen=True, slots=True)
class Settle:
    """Say when nothing has arrived for a while and every watch is open.

    Attributes:
        quiet_s: that while.
        limit_s: how long to wait for it.
    """

    quiet_s: float
    limit_s: float


@dataclass(frozen=True, slots=True)
class Report:
    """Say what was heard since the last report.

    Attributes:
        newest: version by index of affiliate, by cluster ID.
        sent_s: when each version was sent.
    """

    newest: Mapping[str, list[int]]
    sent_s: Mapping[int, float]


@dataclass(frozen=True, slots=True)
class Reported:
    """The answer to ``Report``.

    Attributes:
        heard: by all watchers.
        broken: how many watches ended, by status.
        cpu_s: what receiving cost, without reading afterwards.
    """

    heard: Heard
    broken: Mapping[str, int]
    cpu_s: float
