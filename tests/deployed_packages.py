"""What the container image installs: the pins that the service needs, and no others.

``python -m tests.deployed_packages`` writes the two files of pins beside the
Containerfile; a test keeps them true.
"""

import ast
import re
import sys
from collections.abc import Iterable, Iterator
from importlib.metadata import distribution, packages_distributions
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / "deploy/discovery"
HEADER = (
    "# Pins of constraints.txt, with hashes, that {what} needs. Written by\n"
    "# `python -m tests.deployed_packages`; a test keeps it true.\n"
)


def pages() -> dict[Path, str]:
    """Return the text of each file of pins."""
    return {
        FOLDER / "requirements.txt": _page("the service", closure(imported())),
        FOLDER / "requirements-build.txt": _page(
            "building its wheel", closure({"hatchling"})
        ),
    }


def imported() -> set[str]:
    """Return the distributions that ``discovery`` imports."""
    by_module = packages_distributions()
    modules = {
        name.split(".")[0]
        for path in (ROOT / "discovery").rglob("*.py")
        for name in _imports(ast.parse(path.read_text()))
    }
    foreign = modules - sys.stdlib_module_names - {"discovery"}
    return {"protobuf" if m == "google" else by_module[m][0] for m in foreign}


def closure(names: Iterable[str]) -> list[str]:
    """Return these distributions and all they require here, normalised and sorted."""
    found: set[str] = set()
    waiting = {_normal(name) for name in names}
    while waiting:
        name = waiting.pop()
        found.add(name)
        required = map(Requirement, distribution(name).requires or [])
        wanted = {_normal(r.name) for r in required if _applies(r)}
        waiting |= wanted - found
    return sorted(found)


def pins() -> dict[str, str]:
    """Return each requirement of constraints.txt with its hashes, by name."""
    text = (ROOT / "constraints.txt").read_text()
    blocks = re.split(r"^(?=\S)", text, flags=re.MULTILINE)
    return {block.split("==")[0]: block for block in blocks if block}


def _page(what: str, names: list[str]) -> str:
    by_name = pins()
    return HEADER.format(what=what) + "".join(by_name[name] for name in names)


def _applies(requirement: Requirement) -> bool:
    return requirement.marker is None or requirement.marker.evaluate({"extra": ""})


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _imports(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


if __name__ == "__main__":
    for path, text in pages().items():
        path.write_text(text)
