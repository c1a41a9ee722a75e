from dataclasses import replace
from math import inf

from bench.discovery.outcome import Outcome, percentile, spread
from bench.discovery.table import table

OUTCOME = Outcome(
    phase="join",
    cpu_s=1.0,
    beside_cpu_s=0.0,
    load_cpu_s=0.5,
    took_s=5.0,
    refused=0,
    messages=100,
    affiliates=1000,
    snapshots=10,
    broken=0,
    incomplete=0,
    known_p50_ms=10.0,
    known_p99_ms=20.0,
    known_max_ms=30.0,
    delay_p50_ms=5.0,
    delay_p99_ms=6.0,
    delay_max_ms=7.0,
    answer_p99_ms=1.0,
    peak_rss_bytes=64.0 * 2**20,
    watcher_rss_bytes=1024.0,
    statuses="",
)


def cells(row: str) -> list[str]:
    return [cell.strip() for cell in row.strip("|").split("|")]


def test_servers_are_compared_with_the_last() -> None:
    rounds = {"ours": [[OUTCOME]], "stand-in": [[replace(OUTCOME, cpu_s=4.0)]]}

    ours, other = map(cells, table(rounds)[2:])

    assert ours[2] == "1.00 = 0.25 ×"
    assert other[2] == "4.00"


def test_median_is_shown_with_least_and_most() -> None:
    rounds = [[replace(OUTCOME, cpu_s=cpu_s)] for cpu_s in (3.0, 1.0, 2.0)]

    (row,) = map(cells, table({"ours": rounds})[2:])

    assert row[2] == "2.00 (1.00–3.00)"


def test_watcher_that_never_knew_is_told() -> None:
    rounds = {"ours": [[replace(OUTCOME, known_max_ms=inf)]]}

    (row,) = map(cells, table(rounds)[2:])

    assert row[6].endswith("never")


def test_percentile_is_a_value_that_was_measured() -> None:
    assert [percentile([4, 1, 3, 2], p) for p in (50, 99, 100)] == [2, 4, 4]
    assert percentile([], 50) == 0
    assert spread([OUTCOME], lambda outcome: outcome.cpu_s).median == 1.0
