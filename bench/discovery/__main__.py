"""One load on several discovery servers, in turn.

Without --address it starts the servers itself: ours with its stores, and a stand-in for
the official one. With --address and --pid it measures any server that runs on this
machine; start it with a rate limit that does not matter (ours: --rate-limit 0).
"""

import json
import signal
import sys
import tempfile
from pathlib import Path

from bench.discovery.campaign import Campaign, Results
from bench.discovery.command_line import Plan, plan_from_arguments
from bench.discovery.conditions import discovery_conditions, raise_file_limit
from bench.discovery.outcome import numbers_of
from bench.discovery.page import page


def main() -> None:
    """Measure, print, write JSON where asked to."""
    plan = plan_from_arguments(sys.argv[1:], __doc__ or "")
    raise_file_limit()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    conditions = discovery_conditions(plan.rounds)
    with tempfile.TemporaryDirectory(prefix="discovery-bench-") as directory:
        results = Campaign(plan, Path(directory)).run()
    document = json.dumps(_document(results, conditions), indent=2)
    if plan.json_path is not None:
        plan.json_path.write_text(document)
    _print(plan, results, conditions, document)
    if not results.rounds and not results.idle:
        sys.exit("discovery: nothing could be measured")


def _print(
    plan: Plan, results: Results, conditions: dict[str, object], document: str
) -> None:
    if plan.output == "json":
        print(document)
    else:
        print("\n".join(page(results, conditions)))


def _document(results: Results, conditions: dict[str, object]) -> dict[str, object]:
    return {
        "conditions": conditions,
        "left_out": results.left_out,
        "rows": [
            {"shape": str(shape), "server": server, "round": number}
            | numbers_of(outcome)
            for shape, rounds_by_server in results.rounds.items()
            for server, rounds in rounds_by_server.items()
            for number, outcomes in enumerate(rounds, 1)
            for outcome in outcomes
        ],
        "idle": [
            {"server": server} | numbers_of(idle)
            for server, measured in results.idle.items()
            for idle in measured
        ],
    }


if __name__ == "__main__":
    main()
