"""The table from the KubeSpan compatibility checklist to tests.

``python -m tests.checklist`` writes CHECKLIST.md; a test keeps it true. A test says
what it proves with ``@pytest.mark.checklist(number, …)``.
"""

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

TESTS = Path(__file__).parent
PAGE = TESTS / "CHECKLIST.md"
LINES = range(1, 62)
GAPS = {
    45: "no Talos node is at hand; the formats are proven by vectors and by the Go"
    " client, the handshake by wireguard-go",
}
HEADER = """# The KubeSpan compatibility checklist, line by line

Numbers as in the KubeSpan specification, "Compatibility checklist". Written by
`python -m tests.checklist` from the marks on the tests; `tests/test_checklist.py`
keeps it true.

| line | proven by |
|---|---|
"""


def proofs() -> dict[int, list[str]]:
    """Return the tests that carry each number, ``file::name``, sorted."""
    found: dict[int, set[str]] = defaultdict(set)
    for path in sorted(TESTS.rglob("test_*.py")):
        module = path.relative_to(TESTS)
        for name, numbers in _marked(ast.parse(path.read_text())):
            for number in numbers:
                found[number].add(f"`{module}::{name}`")
    return {number: sorted(names) for number, names in found.items()}


def render() -> str:
    """Return the page."""
    by_number = proofs()
    rows = []
    for number in LINES:
        tests = by_number.get(number, [])
        gap = [f"gap: {GAPS[number]}"] if number in GAPS else []
        rows.append(f"| {number} | {'<br>'.join([*tests, *gap])} |\n")
    return HEADER + "".join(rows)


def _marked(tree: ast.Module) -> Iterator[tuple[str, list[int]]]:
    module_wide = [
        number
        for node in tree.body
        if isinstance(node, ast.Assign)
        and any(isinstance(t, ast.Name) and t.id == "pytestmark" for t in node.targets)
        for number in _numbers(node.value)
    ]
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            marks = [n for mark in node.decorator_list for n in _numbers(mark)]
            if node.name.startswith("test_") and (marks or module_wide):
                yield node.name, [*marks, *module_wide]


def _numbers(tree: ast.expr) -> list[int]:
    return [
        argument.value
        for call in ast.walk(tree)
        if isinstance(call, ast.Call)
        and isinstance(call.func, ast.Attribute)
        and call.func.attr == "checklist"
        for argument in call.args
        if isinstance(argument, ast.Constant) and isinstance(argument.value, int)
    ]


if __name__ == "__main__":
    PAGE.write_text(render())
