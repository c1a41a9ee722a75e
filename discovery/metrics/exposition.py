"""Gives every number its name, in the text format that Prometheus reads.

Names, labels and help are a contract with dashboards. ``go_*`` and ``promhttp_*`` of
the reference have no meaning here; ``process_*`` is the same.

Source: discovery.md 3.3.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import TypeAlias

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from discovery.metrics.distribution import Distribution
from discovery.metrics.metrics import (
    CODE_NAMES,
    TYPE_BY_METHOD,
    Calls,
    Levels,
    Metrics,
    StorageWork,
)

SERVICE = "sidero.discovery.server.Cluster"

Labels: TypeAlias = tuple[str, ...]
_CALL_LABELS = ("grpc_type", "grpc_service", "grpc_method")


class Exposition(Collector):
    """Numbers with names, ready to be written out.

    Args:
        metrics: what has happened.
        version: of this program.
    """

    def __init__(self, metrics: Metrics, version: str) -> None:
        self._metrics = metrics
        self._version = version
        self._levels = Levels()
        self._registry = CollectorRegistry()
        self._registry.register(self)
        ProcessCollector(registry=self._registry)

    def observe(self) -> None:
        """Note what there is now; call it in the thread that serves."""
        self._levels = self._metrics.read_levels()

    def render(self) -> bytes:
        """Return the page; may take milliseconds, so call it in a thread."""
        return generate_latest(self._registry)

    def collect(self) -> Iterator[Metric]:
        """Yield every metric that has a value."""
        families = (
            *_state(self._levels),
            *_sweeps(self._metrics),
            *_hellos(self._metrics),
            *_storage(self._metrics),
            *_calls(self._metrics),
            *_fan_out(self._metrics),
            *_limits(self._metrics, self._levels),
            *_service(self._metrics, self._levels, self._version),
        )
        return (family for family in families if family.samples)


def _state(levels: Levels) -> Iterator[Metric]:
    stored = levels.stored
    yield _gauge("state_clusters", "Clusters in memory.", stored.clusters)
    yield _gauge("state_affiliates", "Affiliates in memory.", stored.affiliates)
    yield _gauge("state_endpoints", "Endpoints in memory.", stored.endpoints)
    yield _gauge("state_subscriptions", "Open watches.", levels.watches)


def _sweeps(metrics: Metrics) -> Iterator[Metric]:
    yield _counter("state_gc_runs", "Sweeps.", metrics.sweeps)
    yield _counter(
        "state_gc_clusters", "Clusters removed by sweeps.", metrics.clusters_swept
    )
    yield _counter(
        "state_gc_affiliates", "Affiliates removed by sweeps.", metrics.affiliates_swept
    )


def _hellos(metrics: Metrics) -> Iterator[Metric]:
    family = CounterMetricFamily(
        "discovery_server_hello_requests",
        "Hello requests by version of the client.",
        labels=("client_version",),
    )
    for version, count in list(metrics.hellos_by_version.items()):
        family.add_metric((version,), count)
    yield family


def _storage(metrics: Metrics) -> Iterator[Metric]:
    runs = CounterMetricFamily(
        "discovery_storage_operations",
        "Saves and loads of snapshots.",
        labels=("operation", "status"),
    )
    for (operation, ok), count in list(metrics.storage_runs.items()):
        runs.add_metric((operation, "success" if ok else "error"), count)
    yield runs
    for name, description, value in _STORAGE_GAUGES:
        gauge = GaugeMetricFamily(
            f"discovery_storage_last_{name}",
            f"{description} of the last successful operation.",
            labels=("operation",),
        )
        for operation, work in list(metrics.last_work_by_operation.items()):
            gauge.add_metric((operation,), value(work))
        yield gauge


_STORAGE_GAUGES: tuple[tuple[str, str, Callable[[StorageWork], float]], ...] = (
    ("snapshot_size_bytes", "Size of the snapshot", lambda work: work.size_bytes),
    ("operation_clusters", "Clusters", lambda work: work.stored.clusters),
    ("operation_affiliates", "Affiliates", lambda work: work.stored.affiliates),
    ("operation_endpoints", "Endpoints", lambda work: work.stored.endpoints),
    ("operation_duration_seconds", "Duration", lambda work: work.took_s),
)


def _calls(metrics: Metrics) -> Iterator[Metric]:
    for name, description, value in _CALL_COUNTERS:
        family = CounterMetricFamily(
            f"grpc_server_{name}", description, labels=_CALL_LABELS
        )
        for labels, calls in _calls_by_labels(metrics):
            family.add_metric(labels, value(calls))
        yield family
    handled = CounterMetricFamily(
        "grpc_server_handled",
        "Calls that ended, successful or not.",
        labels=(*_CALL_LABELS, "grpc_code"),
    )
    took = HistogramMetricFamily(
        "grpc_server_handling_seconds",
        "How long calls took, from their turn to their end.",
        labels=_CALL_LABELS,
    )
    for labels, calls in _calls_by_labels(metrics):
        for code, name in CODE_NAMES.items():
            handled.add_metric((*labels, name), calls.ended_by_code[code])
        _add_distribution(took, labels, calls.took_s)
    yield handled
    yield took


_CALL_COUNTERS: tuple[tuple[str, str, Callable[[Calls], int]], ...] = (
    ("started", "Calls that had their turn.", lambda calls: calls.started),
    ("msg_received", "Requests that could be read.", lambda calls: calls.received),
    ("msg_sent", "Replies and messages to watchers.", lambda calls: calls.sent),
)


def _calls_by_labels(metrics: Metrics) -> Iterator[tuple[Labels, Calls]]:
    for method, kind in TYPE_BY_METHOD.items():
        yield (kind, SERVICE, method), metrics.calls_by_method[method]


def _fan_out(metrics: Metrics) -> Iterator[Metric]:
    lag = HistogramMetricFamily(
        "discovery_fanout_lag_seconds",
        "From a change to its being handed to the watchers, first change of a batch.",
        labels=(),
    )
    _add_distribution(lag, (), metrics.lag_s)
    yield lag
    batch = HistogramMetricFamily(
        "discovery_fanout_batch_affiliates",
        "Affiliates in one batch of changes of a cluster.",
        labels=(),
    )
    _add_distribution(batch, (), metrics.batch)
    yield batch
    yield _counter(
        "fanout_stalled_watchers",
        "Watchers cut off because they did not read.",
        metrics.watchers_stalled,
    )
    yield _counter(
        "state_unchanged_updates",
        "Updates that extended a life and changed nothing else.",
        metrics.updates_refreshed,
    )


def _limits(metrics: Metrics, levels: Levels) -> Iterator[Metric]:
    yield _counter(
        "ratelimit_delayed_calls",
        "Calls that waited for their turn.",
        metrics.calls_delayed,
    )
    yield _counter(
        "ratelimit_delay_seconds",
        "How long calls waited for their turn, together.",
        metrics.delay_s,
    )
    yield _counter(
        "ratelimit_refused_calls",
        "Calls whose turn would have come too late.",
        metrics.calls_not_waited,
    )
    yield _gauge(
        "ratelimit_clients",
        "Client addresses the rate limit remembers.",
        levels.rate_buckets,
    )
    yield _counter(
        "admission_refused_calls",
        "Calls for clusters that are not served, or without their token.",
        metrics.calls_not_admitted,
    )


def _service(metrics: Metrics, levels: Levels, version: str) -> Iterator[Metric]:
    yield _gauge(
        "store_ready",
        "1 if what is read is whole, and changes are taken and kept.",
        levels.store_ready,
    )
    info = GaugeMetricFamily(
        "discovery_build_info", "Version of this program.", labels=("version",)
    )
    info.add_metric((version,), 1)
    yield info
    pages = CounterMetricFamily(
        "discovery_http_requests",
        "Answers to browsers and probes.",
        labels=("page", "code"),
    )
    for (page, status), count in list(metrics.pages.items()):
        pages.add_metric((page, str(status)), count)
    yield pages


def _gauge(name: str, description: str, value: float) -> Metric:
    return GaugeMetricFamily(f"discovery_{name}", description, value=value)


def _counter(name: str, description: str, value: float) -> Metric:
    return CounterMetricFamily(f"discovery_{name}", description, value=value)


def _add_distribution(
    family: HistogramMetricFamily, labels: Iterable[str], distribution: Distribution
) -> None:
    family.add_metric(tuple(labels), distribution.buckets(), distribution.sum)
