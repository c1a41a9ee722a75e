"""What watchers that do nothing cost a server."""

from dataclasses import dataclass

from bench.discovery.process_usage import usage
from bench.discovery.receivers import receiving
from bench.discovery.target import Target

WATCHERS_PER_CLUSTER = 500
QUIET_S = 1.0
LIMIT_S = 30.0


@dataclass(frozen=True, slots=True)
class Idle:
    """One measurement.

    Attributes:
        watchers: how many, one connection each.
        opened_s: until all of them had their snapshot.
        opening_cpu_s: user and system time of the server meanwhile.
        watcher_rss_bytes: what one costs.
        rss_bytes: of the server with all of them.
    """

    watchers: int
    opened_s: float
    opening_cpu_s: float
    watcher_rss_bytes: float
    rss_bytes: int


def measure_idle(target: Target, watchers: int, run: str, processes: int) -> Idle:
    """Open watches of empty clusters, 500 each, and look at the server.

    Raises:
        ReceiverError: not all could be opened.
        OSError: its process is gone.
    """
    cluster_ids = [f"{run}-{at // WATCHERS_PER_CLUSTER}" for at in range(watchers)]
    before = usage(target.pid)
    with receiving(processes) as receivers:
        opened_s = receivers.open(target.address, cluster_ids, 0, [{}] * watchers)
        receivers.settle(QUIET_S, LIMIT_S)
        after = usage(target.pid)
    return Idle(
        watchers,
        opened_s,
        after.cpu_s - before.cpu_s,
        (after.rss_bytes - before.rss_bytes) / watchers,
        after.rss_bytes,
    )
