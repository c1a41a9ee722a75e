"""Outcomes as text that is read: Markdown; pure."""

from collections.abc import Callable, Iterator, Sequence
from math import isinf

from bench.discovery.outcome import MIB, Outcome, spread

Rounds = dict[str, list[list[Outcome]]]
"""By server, by round: one outcome per phase."""

HEADINGS = (
    "phase",
    "server",
    "CPU s",
    "messages",
    "affiliates per message",
    "watches broken",
    "all known after (median, p99, slowest watcher of any round)",
    "an update takes (median, p99)",
    "peak RSS",
)


def table(rounds_by_server: Rounds) -> list[str]:
    """Return the lines of a Markdown table: one row per phase and server.

    Each number is the median of the rounds; where rounds differ, least and most follow
    in brackets. The processor time is also given as a multiple of the last server's.
    """
    rows = map(line, _rows(rounds_by_server))
    return [line(HEADINGS), line(rule(len(HEADINGS))), *rows]


def line(cells: Sequence[str]) -> str:
    """Return one row."""
    return f"| {' | '.join(cells)} |"


def rule(columns: int) -> list[str]:
    """Return what stands below the headings: two columns of words, then numbers."""
    return ["---", "---", *["---:"] * (columns - 2)]


def watcher_costs(rounds_by_server: Rounds) -> Iterator[str]:
    """Yield what one open watch costs each server, in words."""
    for server, rounds in rounds_by_server.items():
        joins = [outcomes[0] for outcomes in rounds]
        cost = spread(joins, lambda outcome: outcome.watcher_rss_bytes / 1024)
        yield f"{server}: {cost.median:.0f} KiB"


def _rows(rounds_by_server: Rounds) -> Iterator[list[str]]:
    servers = list(rounds_by_server)
    phases = len(rounds_by_server[servers[0]][0])
    for number in range(phases):
        by_server = {
            server: [outcomes[number] for outcomes in rounds_by_server[server]]
            for server in servers
        }
        last = spread(by_server[servers[-1]], lambda outcome: outcome.cpu_s).median
        for server in servers:
            compared = last if server != servers[-1] else 0.0
            yield _row(server, by_server[server], compared)


def _row(server: str, rounds: Sequence[Outcome], compared_cpu_s: float) -> list[str]:
    cpu = _number(rounds, lambda outcome: outcome.cpu_s, "{:.2f}")
    if compared_cpu_s:
        median = spread(rounds, lambda outcome: outcome.cpu_s).median
        cpu += f" = {median / compared_cpu_s:.2f} ×"
    beside = spread(rounds, lambda outcome: outcome.beside_cpu_s).median
    if beside:
        cpu += f" + {beside:.2f} beside"
    return [
        rounds[0].phase,
        server,
        cpu,
        _number(rounds, lambda outcome: outcome.messages, "{:,.0f}"),
        _number(rounds, _affiliates_per_message, "{:.1f}"),
        _number(rounds, lambda outcome: outcome.broken, "{:,.0f}"),
        _known(rounds),
        _delays(rounds),
        _number(rounds, lambda outcome: outcome.peak_rss_bytes / MIB, "{:.0f}")
        + " MiB",
    ]


def _affiliates_per_message(outcome: Outcome) -> float:
    return outcome.affiliates / outcome.messages if outcome.messages else 0.0


def _known(rounds: Sequence[Outcome]) -> str:
    middle = spread(rounds, lambda outcome: outcome.known_p50_ms).median
    late = spread(rounds, lambda outcome: outcome.known_p99_ms).median
    slowest = spread(rounds, lambda outcome: outcome.known_max_ms).most
    return ", ".join(map(_milliseconds, (middle, late, slowest)))


def _delays(rounds: Sequence[Outcome]) -> str:
    if not any(outcome.delay_max_ms for outcome in rounds):
        return "–"
    middle = spread(rounds, lambda outcome: outcome.delay_p50_ms).median
    late = spread(rounds, lambda outcome: outcome.delay_p99_ms).median
    return ", ".join(map(_milliseconds, (middle, late)))


def _milliseconds(value: float) -> str:
    return "never" if isinf(value) else f"{value:,.0f} ms"


def _number(
    rounds: Sequence[Outcome], number: Callable[[Outcome], float], form: str
) -> str:
    """Median and, if rounds differ as far as it is shown, least and most."""
    values = spread(rounds, number)
    median, least, most = (
        form.format(value) for value in (values.median, values.least, values.most)
    )
    return median if least == most else f"{median} ({least}–{most})"
