"""The table of the README: every line of the checklist, and only tests there are."""

import ast
import re
from pathlib import Path

import pytest

HERE = Path(__file__).parent
PAGE = (HERE / "README.md").read_text()
LINES = range(1, 92)
ROWS = re.findall(r"^\| (\d+)†? \| (.*) \|$", PAGE, flags=re.MULTILINE)
_NAMED = re.compile(r"`([\w/]+/)?(test_\w+)::(\w+)`")


def names_in(folder: str, name: str) -> set[str]:
    """The names in a file of this folder, or of all tests."""
    for root in (HERE, HERE.parent):
        path = root / folder / f"{name}.py"
        if path.exists():
            nodes = ast.walk(ast.parse(path.read_text()))
            kinds = ast.FunctionDef | ast.AsyncFunctionDef
            return {node.name for node in nodes if isinstance(node, kinds)}
    return set()


def test_every_line_has_one_row_in_order():
    assert [int(number) for number, _ in ROWS] == list(LINES)


@pytest.mark.parametrize(("number", "proofs"), ROWS, ids=[n for n, _ in ROWS])
def test_row_names_tests_that_exist(number: str, proofs: str):
    named = _NAMED.findall(proofs)

    assert named
    for folder, file, name in named:
        assert f"test_{name}" in names_in(folder, file), f"{folder}{file}::{name}"
