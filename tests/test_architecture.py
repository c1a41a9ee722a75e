"""The rules of the house that no linter knows."""

import ast
import io
import re
import subprocess
import sys
import tokenize
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
MODULES = [
    path.relative_to(ROOT)
    for package in ("kubespan", "discovery")
    for path in sorted((ROOT / package).rglob("*.py"))
    if not path.stem.startswith("__") and not path.stem.endswith(("_pb2", "_pb2_grpc"))
]
FILE_LINES_MAX = 250
FUNCTION_LINES_MAX = 40
LAYOUT = {tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT}
QUIET = LAYOUT | {tokenize.COMMENT, tokenize.ENDMARKER}
TABLES = {
    # tables and data: what could be tested is the table itself
    "kubespan/wiring.py": "run by every namespace test, drawn by `kubespan graph`",
    "kubespan/cli/commands/run.py": "run by every namespace test",
}


def code_lines(source: str) -> set[int]:
    """Line numbers that hold code: no blanks, no comments, no docstrings."""
    lines: set[int] = set()
    previous = tokenize.NEWLINE
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        docstring = token.type == tokenize.STRING and previous in QUIET
        if token.type not in QUIET and not docstring:
            lines.update(range(token.start[0], token.end[0] + 1))
        previous = token.type
    return lines


def has_behaviour(module: Path) -> bool:
    """A module whose functions all are ``key`` has nothing to test."""
    tree = ast.parse((ROOT / module).read_text())
    functions = [
        node.name
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    return any(name not in ("key", "__init__") for name in functions)


@pytest.mark.parametrize("module", list(filter(has_behaviour, MODULES)), ids=str)
def test_module_has_its_own_test_file(module: Path):
    mirror = ROOT / "tests" / module.parent / f"test_{module.name}"

    assert mirror.exists() or str(module) in TABLES, f"missing {mirror}"


@pytest.mark.parametrize("module", MODULES, ids=str)
def test_module_fits_on_a_few_screens(module: Path):
    source = (ROOT / module).read_text()
    lines = code_lines(source)

    assert len(lines) <= FILE_LINES_MAX
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            span = range(node.lineno, (node.end_lineno or 0) + 1)
            assert len(lines.intersection(span)) <= FUNCTION_LINES_MAX, node.name


def test_architecture_page_shows_the_wiring_as_it_is():
    page = (ROOT / "ARCHITECTURE.md").read_text()
    shown = re.search(r"<!-- graph -->\n(.*?)<!-- /graph -->", page, re.DOTALL)

    printed = subprocess.run(
        [sys.executable, "-m", "kubespan", "graph"],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    ).stdout

    assert shown is not None
    assert shown.group(1) == printed


def test_no_file_names_a_package_registry():
    listed = subprocess.run(
        ["git", "ls-files", "*.txt", "*.toml", "*.sum", "*.mod", "Makefile", ".ci"],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    ).stdout.split()
    addresses = re.compile(r"https?://[^ \"']*(pypi|proxy\.golang|crates\.io|npmjs)")

    named = [name for name in listed if addresses.search((ROOT / name).read_text())]

    assert named == []
