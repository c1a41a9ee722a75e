"""What a reader must know to compare numbers of this load."""

import os
import re
import resource
import shutil
import subprocess
from importlib.metadata import version

from bench.conditions import conditions

_NUMBER = re.compile(r"\d+(\.\d+)+")


def discovery_conditions(rounds: int) -> dict[str, object]:
    """Return kernel, cores, how busy they were before, and versions."""
    return conditions(rounds) | {
        "load before": round(os.getloadavg()[0], 1),
        "grpcio": version("grpcio"),
        "uvloop": version("uvloop"),
        "go": _version("go", "/usr/local/go/bin", "version"),
        "etcd": _version("etcd", "/usr/sbin", "--version"),
        "files": resource.getrlimit(resource.RLIMIT_NOFILE)[0],
    }


def raise_file_limit() -> int:
    """Allow as many open files as may be; return how many. Children inherit it."""
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    return most


def _version(name: str, beside: str, *arguments: str) -> str:
    """First version number a program says of itself; empty if it is not there."""
    program = shutil.which(name) or shutil.which(name, path=beside)
    if program is None:
        return ""
    said = subprocess.run(
        [program, *arguments], capture_output=True, text=True, check=False
    )
    found = _NUMBER.search(said.stdout)
    return found.group() if found else ""
