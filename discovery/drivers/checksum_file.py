"""Checksums beside a file, as ``sha256sum --check`` reads them.

::

    9f86d081…  state.binpb
    60303ae2…  state.binpb.previous
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

FILE_BYTES_MAX: Final = 64 * 1024

_LINE = re.compile(r"\\?([0-9a-f]{64}) [ *](.+)", re.ASCII)


def read_checksums(path: Path) -> dict[str, str]:
    """Return checksums by file name, as hexadecimal; empty if there are none.

    Raises:
        OSError: there is a file and it cannot be read.
    """
    try:
        with path.open("rb") as file:
            text = file.read(FILE_BYTES_MAX).decode(errors="replace")
    except (FileNotFoundError, NotADirectoryError):
        return {}
    lines = map(_LINE.fullmatch, text.splitlines())
    return {line[2]: line[1] for line in lines if line}


def render_checksums(checksum_by_name: Mapping[str, str]) -> str:
    """Return the lines for some file names."""
    return "".join(
        f"{_escape(name)[0]}{checksum}  {_escape(name)[1]}\n"
        for name, checksum in checksum_by_name.items()
    )


def _escape(name: str) -> tuple[str, str]:
    """Return how a line with this name begins, and the name as it stands there."""
    escaped = name.replace("\\", r"\\").replace("\n", r"\n")
    return ("" if escaped == name else "\\"), escaped
