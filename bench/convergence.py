"""Time from daemon start until every pair of nodes is up, in the lab.

What is measured: all daemons of a lab of N nodes (one of them behind NAT) are started
at once, each for the first time; the clock stops when every ordered pair says `up`. The
network and the discovery service are there already. Beside it the same after all
daemons were killed and started again, which must find a working mesh.

Unit: seconds, median, least and most of the rounds; less is better. Needs root.
"""

import argparse
import json
import signal
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from typing import Final

from bench.conditions import conditions
from kubespan.lab.errors import LabError
from kubespan.lab.lab import Lab
from kubespan.lab.topology import LabSpec

SIZES: Final = (2, 4, 8)
ROUNDS: Final = 3
TIMEOUT_S: Final = 180.0


def measure_once(nodes: int) -> dict[str, float]:
    """Return seconds of a first start and of a restart of all daemons."""
    spec = LabSpec(f"bench{nodes}", nodes=nodes, nat=1)
    with Lab.create(spec, start=False, replace_running=True) as lab:
        lab.discovery.start()
        first_s = _timed(lambda: _start_all(lab))
        for node in lab.nodes:
            node.stop_daemon(signal.SIGKILL)
        again_s = _timed(lambda: _start_all(lab))
    return {"first start": first_s, "restart": again_s}


def measure(sizes: tuple[int, ...], rounds: int) -> Iterator[dict[str, object]]:
    """Yield one row per size and kind of start."""
    for nodes in sizes:
        results = []
        for number in range(rounds):
            print(f"{nodes} nodes, round {number + 1} of {rounds}", file=sys.stderr)
            results.append(measure_once(nodes))
        for what in results[0]:
            times_s = [result[what] for result in results]
            yield {
                "what": what,
                "nodes": nodes,
                "median_s": round(statistics.median(times_s), 2),
                "least_s": round(min(times_s), 2),
                "most_s": round(max(times_s), 2),
            }


def main() -> None:
    """Measure, print a table, write JSON where asked to."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--json", metavar="FILE", help="write the numbers here too")
    parser.add_argument("--nodes", type=int, nargs="+", default=list(SIZES))
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    arguments = parser.parse_args()
    try:
        rows = list(measure(tuple(arguments.nodes), arguments.rounds))
    except LabError as error:
        sys.exit(f"convergence: {error}")
    print(f"{'what':<12} {'nodes':>6} {'median s':>9} {'least s':>9} {'most s':>9}")
    for row in rows:
        print(
            f"{row['what']:<12} {row['nodes']:>6} {row['median_s']:>9}"
            f" {row['least_s']:>9} {row['most_s']:>9}"
        )
    if arguments.json:
        with open(arguments.json, "w") as file:
            json.dump({"conditions": conditions(arguments.rounds), "rows": rows}, file)


def _start_all(lab: Lab) -> None:
    lab.start_daemons(lab.nodes)
    lab.wait_until_up(TIMEOUT_S)


def _timed(step: Callable[[], None]) -> float:
    began = time.perf_counter()
    step()
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
