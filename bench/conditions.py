"""What a reader must know to compare numbers."""

import subprocess
from os import cpu_count, uname
from platform import python_version


def conditions(rounds: int) -> dict[str, object]:
    """Return kernel, cores, Python, commit and the number of rounds."""
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"],
        capture_output=True,
        text=True,
        check=False,
    )
    return {
        "kernel": uname().release,
        "cores": cpu_count(),
        "python": python_version(),
        "commit": commit.stdout.strip(),
        "rounds": rounds,
    }
