"""Every benchmark, one after the other: ``make bench``."""

import runpy
import sys
from pathlib import Path
from typing import Final

ENTRIES: Final = ("affiliate_change", "convergence", "discovery")
RESULTS: Final = Path(__file__).parent / "results"


def main() -> None:
    """Run each entry; numbers are printed and written to ``bench/results``."""
    RESULTS.mkdir(exist_ok=True)
    for name in ENTRIES:
        print(f"\n## {name}\n", flush=True)
        sys.argv = [name, "--json", str(RESULTS / f"{name}.json")]
        runpy.run_module(f"bench.{name}", run_name="__main__")


if __name__ == "__main__":
    main()
