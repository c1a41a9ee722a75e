"""The names of the firewall tables we made, kept on disk until they are removed.

So that the table of a former configuration is found again, whatever the present one
says. One name a line; usually there is one.
"""

import re
from collections.abc import Collection
from pathlib import Path
from typing import Final

from kubespan.drivers.atomic_file import read_file, replace_file
from kubespan.errors import DriverError, StateError

RECORD_MAX_BYTES: Final = 4096
PLAIN_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,63}", re.ASCII)


class TableRecord:
    """A file of mode 0600.

    Args:
        path: where it is.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._written: frozenset[str] | None = None

    def load(self) -> frozenset[str]:
        """Return the names; none without a file.

        What is no table name is passed over: a damaged record must not keep the
        firewall from being made, and the next change replaces it.
        """
        try:
            content = read_file(self._path, RECORD_MAX_BYTES) or b""
        except StateError:
            content = b""
        lines = content.decode(errors="replace").splitlines()
        return frozenset(filter(PLAIN_NAME.fullmatch, lines))

    def save(self, names: Collection[str]) -> None:
        """Replace the file if it says something else; no names remove it.

        Raises:
            DriverError: the disk refused.
        """
        wanted = frozenset(names)
        if wanted == self._written:
            return
        try:
            if wanted:
                replace_file(
                    self._path, "".join(f"{n}\n" for n in sorted(wanted)).encode()
                )
            else:
                self._path.unlink(missing_ok=True)
        except (StateError, OSError) as error:
            raise DriverError(
                "remember the firewall table's name", str(error)
            ) from error
        self._written = wanted
