"""A small text file of the operator's, read again when it changes.

As long as it looks the same that costs one ``stat``. A file that is missing or wrong is
told once, and what it said before stays.
"""

import logging
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

log = logging.getLogger(__name__)
Content = TypeVar("Content")

FILE_BYTES_MAX = 64 * 1024 * 1024


class FileError(Exception):
    """The file cannot be read or does not say what it should; the text names it."""


class WatchedFile(Generic[Content]):
    """One file.

    Args:
        path: where it is.
        parse: from its text to what it means; raises ``ValueError`` with a sentence
            that repeats nothing of the text.
        is_secret: warn if every user of the host can read it.
    """

    def __init__(
        self, path: Path, parse: Callable[[str], Content], *, is_secret: bool = False
    ) -> None:
        self._path = path
        self._parse = parse
        self._is_secret = is_secret
        self._seen: tuple[int, ...] = ()
        self._content = self._load()

    def read(self) -> Content:
        """Return what the file says, or the last that could be read."""
        if self._signature() != self._seen:
            try:
                self._content = self._load()
            except FileError as error:
                fields = {"error": str(error)}
                log.warning("old content kept, file is bad", extra={"fields": fields})
            else:
                fields = {"path": str(self._path)}
                log.info("file reloaded", extra={"fields": fields})
        return self._content

    def _load(self) -> Content:
        """Read the file.

        Raises:
            FileError: also at the first time, when there is nothing to keep.
        """
        self._seen = self._signature()
        try:
            if self._path.stat().st_size > FILE_BYTES_MAX:
                raise FileError(f"{self._path}: larger than {FILE_BYTES_MAX} bytes")
            content = self._parse(self._path.read_text(encoding="utf-8-sig"))
        except OSError as error:
            raise FileError(f"{self._path}: {error.strerror}") from error
        except UnicodeDecodeError:
            raise FileError(f"{self._path}: not UTF-8") from None
        except ValueError as error:
            raise FileError(f"{self._path}: {error}") from error
        self._warn_if_public()
        return content

    def _signature(self) -> tuple[int, ...]:
        """What the file looks like from outside; empty if it is missing."""
        try:
            seen = self._path.stat()
        except OSError:
            return ()
        return seen.st_mtime_ns, seen.st_size, seen.st_ino

    def _warn_if_public(self) -> None:
        if self._is_secret and self._path.stat().st_mode & stat.S_IROTH:
            fields = {"path": str(self._path), "hint": "chmod o-rwx"}
            log.warning("every user can read this file", extra={"fields": fields})
