"""Results as a page of Markdown; pure."""

from collections.abc import Iterator

from bench.discovery.campaign import Results
from bench.discovery.idle import Idle
from bench.discovery.outcome import MIB
from bench.discovery.table import line, rule, table, watcher_costs

IDLE_HEADINGS = (
    "idle watchers",
    "server",
    "KiB each",
    "resident in all",
    "all open after",
    "CPU s to open",
)


def page(results: Results, conditions: dict[str, object]) -> Iterator[str]:
    """Yield the lines: one table per shape, one of idle watchers, the conditions."""
    for shape, rounds_by_server in results.rounds.items():
        yield from (f"**{shape}**", "")
        yield from table(rounds_by_server)
        costs = "; ".join(watcher_costs(rounds_by_server))
        yield from ("", f"One open watch costs: {costs}.", "")
    if results.idle:
        yield from (*_idle_table(results.idle), "")
    for name, why in results.left_out.items():
        yield from (f"Left out: {name} ({why}).", "")
    said = ", ".join(f"{name} {value}" for name, value in conditions.items() if value)
    yield f"Conditions: {said}."


def _idle_table(idle: dict[str, list[Idle]]) -> Iterator[str]:
    yield line(IDLE_HEADINGS)
    yield line(rule(len(IDLE_HEADINGS)))
    for number in range(max(map(len, idle.values()))):
        for server, measured in idle.items():
            if number < len(measured):
                yield line(_idle_cells(server, measured[number]))


def _idle_cells(server: str, idle: Idle) -> list[str]:
    return [
        f"{idle.watchers:,}",
        server,
        f"{idle.watcher_rss_bytes / 1024:.1f}",
        f"{idle.rss_bytes / MIB:.0f} MiB",
        f"{idle.opened_s:.1f} s",
        f"{idle.opening_cpu_s:.2f}",
    ]
