"""Values to text: tables as talosctl prints them, YAML, JSON, human units."""

import json
from collections.abc import Iterable, Sequence
from typing import Any

import yaml

COLUMN_GAP = "   "
PADDED_MAX = 100
"""A longer cell sticks out of its column: names come from other nodes."""
UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")
UNIT_STEP = 1024
AGES = ((86400, "d"), (3600, "h"), (60, "m"), (1, "s"))


def render_table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return columns three spaces apart, no trailing spaces."""
    table = [list(header), *([printable(cell) for cell in row] for row in rows)]
    widths = [
        max(min(len(cell), PADDED_MAX) for cell in column)
        for column in zip(*table, strict=True)
    ]
    lines = (
        COLUMN_GAP.join(
            cell.ljust(width) for cell, width in zip(row, widths, strict=True)
        ).rstrip()
        for row in table
    )
    return "\n".join(lines)


def render_cell(value: Any) -> str:
    """Return a value as a table shows it: lists and mappings as compact JSON."""
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, list | dict | bool):
        return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    return "" if value is None else str(value)


def printable(text: str) -> str:
    """Return text without what could drive a terminal: names come from other nodes."""
    return "".join(one if one.isprintable() else repr(one)[1:-1] for one in text)


def cell_at(plain: dict[str, Any], path: str) -> str:
    """Return the cell at a dotted path; empty when there is nothing."""
    value: Any = plain
    for part in path.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return render_cell(value)


def render_json(value: Any) -> str:
    """Return indented JSON."""
    return json.dumps(value, indent=4, ensure_ascii=False)


def render_json_line(value: Any) -> str:
    """Return JSON on one line, for streams."""
    return json.dumps(value, ensure_ascii=False)


def render_yaml(value: Any) -> str:
    """Return block YAML, keys in the order given."""
    text: str = yaml.dump(
        value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, indent=4, width=1000
    )
    return text.rstrip("\n")


class _Dumper(yaml.SafeDumper):
    """Writes times as Talos does, without quotes; they are texts to us."""


_Dumper.yaml_implicit_resolvers = {
    first: [one for one in known if one[0] != "tag:yaml.org,2002:timestamp"]
    for first, known in yaml.SafeDumper.yaml_implicit_resolvers.items()
}


def render_bytes(count: int) -> str:
    """Return a byte count in binary units: ``15.6 KiB``."""
    size = float(count)
    for unit in UNITS[:-1]:
        if size < UNIT_STEP:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= UNIT_STEP
    return f"{size:.1f} {UNITS[-1]}"


def render_age(age_s: float) -> str:
    """Return an age in its two largest units: ``2m5s``; ``0s`` for the future."""
    rest = max(0, int(age_s))
    parts: list[str] = []
    for size, unit in AGES:
        count, rest = divmod(rest, size)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts[:2]) or "0s"
