"""The page that Prometheus reads, as its own parser reads it."""

import re
from collections.abc import Iterator

import pytest
from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families

from discovery.metrics.exposition import SERVICE, Exposition
from discovery.metrics.metrics import (
    CODE_NAMES,
    TYPE_BY_METHOD,
    Levels,
    Metrics,
    StorageWork,
)
from discovery.state.clusters import Counts

CALL = {"grpc_type", "grpc_service", "grpc_method"}
# discovery.md 3.3, in full: name, type, labels
REFERENCE = [
    ("discovery_state_clusters", "gauge", set()),
    ("discovery_state_affiliates", "gauge", set()),
    ("discovery_state_endpoints", "gauge", set()),
    ("discovery_state_subscriptions", "gauge", set()),
    ("discovery_state_gc_runs_total", "counter", set()),
    ("discovery_state_gc_clusters_total", "counter", set()),
    ("discovery_state_gc_affiliates_total", "counter", set()),
    ("discovery_server_hello_requests_total", "counter", {"client_version"}),
    ("discovery_storage_operations_total", "counter", {"operation", "status"}),
    ("discovery_storage_last_snapshot_size_bytes", "gauge", {"operation"}),
    ("discovery_storage_last_operation_clusters", "gauge", {"operation"}),
    ("discovery_storage_last_operation_affiliates", "gauge", {"operation"}),
    ("discovery_storage_last_operation_endpoints", "gauge", {"operation"}),
    ("discovery_storage_last_operation_duration_seconds", "gauge", {"operation"}),
    ("grpc_server_started_total", "counter", CALL),
    ("grpc_server_handled_total", "counter", CALL | {"grpc_code"}),
    ("grpc_server_msg_received_total", "counter", CALL),
    ("grpc_server_msg_sent_total", "counter", CALL),
    ("grpc_server_handling_seconds", "histogram", CALL),
    ("process_cpu_seconds_total", "counter", set()),
    ("process_resident_memory_bytes", "gauge", set()),
    ("process_virtual_memory_bytes", "gauge", set()),
    ("process_start_time_seconds", "gauge", set()),
    ("process_open_fds", "gauge", set()),
    ("process_max_fds", "gauge", set()),
]


def families(metrics: Metrics) -> dict[str, Metric]:
    exposition = Exposition(metrics, "1.2.3")
    exposition.observe()
    parsed = text_string_to_metric_families(exposition.render().decode())
    return {full_name(family): family for family in parsed}


def full_name(family: Metric) -> str:
    return family.name + ("_total" if family.type == "counter" else "")


def busy() -> Metrics:
    """Everything has happened once."""
    metrics = Metrics()
    for method in TYPE_BY_METHOD:
        metrics.call_started(method)
        metrics.message_received(method)
        metrics.message_sent(method)
        metrics.call_ended(method, "INVALID_ARGUMENT", 0.2)
    metrics.hello("v1.8.3")
    metrics.swept(1, 2)
    metrics.operated_storage("load", ok=False)
    work = StorageWork(1234, Counts(1, 2, 3), 0.25)
    metrics.operated_storage("save", ok=True, work=work)
    metrics.refreshed()
    metrics.fanned_out(7, 0.003)
    metrics.watcher_stalled()
    metrics.call_delayed(0.5)
    metrics.call_not_waited()
    metrics.call_not_admitted()
    metrics.page_served("inspect", 200)
    metrics.read_levels = lambda: Levels(Counts(1, 2, 3), 4, 5, store_ready=False)
    return metrics


def value(metrics: Metrics, sample: str, **labels: str) -> float:
    return next(
        found.value
        for family in families(metrics).values()
        for found in family.samples
        if found.name == sample and labels.items() <= found.labels.items()
    )


# line 59 of the checklist
@pytest.mark.parametrize(
    ("name", "kind", "labels"), REFERENCE, ids=[row[0] for row in REFERENCE]
)
def test_every_metric_of_the_reference_exists_with_its_labels(
    name: str, kind: str, labels: set[str]
) -> None:
    family = families(busy())[name]

    assert family.type == kind
    for sample in family.samples:
        assert sample.labels.keys() - {"le"} == labels


@pytest.mark.parametrize(
    ("sample", "labels", "expected"),
    [
        ("discovery_state_clusters", {}, 1),
        ("discovery_state_affiliates", {}, 2),
        ("discovery_state_endpoints", {}, 3),
        ("discovery_state_subscriptions", {}, 4),
        ("discovery_state_gc_runs_total", {}, 1),
        ("discovery_state_gc_clusters_total", {}, 1),
        ("discovery_state_gc_affiliates_total", {}, 2),
        ("discovery_server_hello_requests_total", {"client_version": "v1.8"}, 1),
        ("discovery_storage_operations_total", {"status": "error"}, 1),
        ("discovery_storage_operations_total", {"operation": "save"}, 1),
        ("discovery_storage_last_snapshot_size_bytes", {"operation": "save"}, 1234),
        ("discovery_storage_last_operation_clusters", {"operation": "save"}, 1),
        ("discovery_storage_last_operation_affiliates", {"operation": "save"}, 2),
        ("discovery_storage_last_operation_endpoints", {"operation": "save"}, 3),
        ("discovery_storage_last_operation_duration_seconds", {}, 0.25),
        ("grpc_server_started_total", {"grpc_method": "Watch"}, 1),
        ("grpc_server_handled_total", {"grpc_code": "InvalidArgument"}, 1),
        ("grpc_server_handled_total", {"grpc_code": "OK"}, 0),
        ("grpc_server_msg_received_total", {"grpc_type": "server_stream"}, 1),
        ("grpc_server_msg_sent_total", {"grpc_service": SERVICE}, 1),
        ("grpc_server_handling_seconds_bucket", {"le": "0.1"}, 0),
        ("grpc_server_handling_seconds_bucket", {"le": "0.25"}, 1),
        ("discovery_fanout_lag_seconds_count", {}, 1),
        ("discovery_fanout_batch_affiliates_sum", {}, 7),
        ("discovery_fanout_stalled_watchers_total", {}, 1),
        ("discovery_state_unchanged_updates_total", {}, 1),
        ("discovery_ratelimit_delayed_calls_total", {}, 1),
        ("discovery_ratelimit_delay_seconds_total", {}, 0.5),
        ("discovery_ratelimit_refused_calls_total", {}, 1),
        ("discovery_ratelimit_clients", {}, 5),
        ("discovery_admission_refused_calls_total", {}, 1),
        ("discovery_store_ready", {}, 0),
        ("discovery_build_info", {"version": "1.2.3"}, 1),
        ("discovery_http_requests_total", {"page": "inspect", "code": "200"}, 1),
    ],
    ids=str,
)
def test_what_happened_is_told(
    sample: str, labels: dict[str, str], expected: float
) -> None:
    assert value(busy(), sample, **labels) == expected


def test_before_anything_happened_statuses_and_the_unknown_version_are_zero() -> None:
    found = families(Metrics())

    handled = found["grpc_server_handled_total"].samples
    assert {s.labels["grpc_code"] for s in handled} == set(CODE_NAMES.values())
    assert len(handled) == 5 * 17
    assert {s.value for s in handled} == {0}
    hellos = found["discovery_server_hello_requests_total"].samples
    assert [(s.labels, s.value) for s in hellos] == [({"client_version": "unknown"}, 0)]


def test_buckets_of_calls_are_those_of_the_reference() -> None:
    samples = families(Metrics())["grpc_server_handling_seconds"].samples

    bounds = [s.labels["le"] for s in samples if "le" in s.labels][:7]

    assert bounds == ["0.01", "0.1", "0.25", "0.5", "1", "2.5", "+Inf"]


def test_storage_is_not_mentioned_until_it_worked() -> None:
    metrics = Metrics()
    assert not [name for name in families(metrics) if "storage" in name]

    metrics.operated_storage("load", ok=False)

    mentioned = [name for name in families(metrics) if "storage" in name]
    assert mentioned == ["discovery_storage_operations_total"]


def lint(family: Metric) -> Iterator[str]:
    """What ``promtool check metrics`` would say."""
    name = full_name(family)
    if not re.fullmatch("[a-z][a-z0-9_]*", name):
        yield "name is not snake case"
    if not family.documentation.endswith("."):
        yield "help is no sentence"
    if family.type not in {"counter", "gauge", "histogram"}:
        yield f"type {family.type}"
    if family.type != "counter" and name.endswith(("_total", "_count", "_sum")):
        yield "suffix of another type"
    if re.search("_(ms|milliseconds|minutes|kb|mb|kilobytes)(_|$)", name):
        yield "unit is not a base unit"
    if any(sample.name.endswith("_created") for sample in family.samples):
        yield "time of creation"


def test_metrics_follow_the_rules_of_prometheus() -> None:
    found = families(busy())

    complaints = {name: list(lint(family)) for name, family in found.items()}

    assert {name: said for name, said in complaints.items() if said} == {}
    assert all(
        name.startswith(("discovery_", "grpc_server_", "process_")) for name in found
    )


def test_page_of_a_thousand_strange_versions_stays_small() -> None:
    metrics = busy()
    for number in range(10_000):
        metrics.hello(f"v{number % 100}.{number % 1000}.1")
    exposition = Exposition(metrics, "1")

    assert len(exposition.render()) < 60_000
