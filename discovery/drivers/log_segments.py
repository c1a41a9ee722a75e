"""The append log on disk: numbered files beside the snapshot, the newest written to.

A segment in which writing failed once is never written to again: what the disk has of
it is not known any more.
"""

import os
import re
from pathlib import Path

from discovery.drivers.folder import (
    create_file,
    make_folder,
    set_aside,
    sync_folder,
    write_all,
)
from discovery.state.log_frames import MAGIC, encode_frame


class LogSegments:
    """The segments of one log: ``<snapshot>.log.1``, ``.log.2``, ….

    Args:
        snapshot_path: where the snapshot is.
    """

    def __init__(self, snapshot_path: Path) -> None:
        self._folder = snapshot_path.parent
        self._name = snapshot_path.name + ".log."
        self._numbered = re.compile(
            re.escape(self._name) + r"([1-9]\d{0,14})", re.ASCII
        )

    def list(self) -> list[Path]:
        """Return the segments there are, oldest first.

        Raises:
            OSError: the folder cannot be read.
        """
        try:
            names = [path.name for path in self._folder.iterdir()]
        except (FileNotFoundError, NotADirectoryError):
            return []
        numbers = sorted(int(m[1]) for m in map(self._numbered.fullmatch, names) if m)
        return [self._folder / f"{self._name}{number}" for number in numbers]

    def begin(self) -> "LogSegment":
        """Make a segment newer than every other.

        Raises:
            OSError: the disk refused; nothing is left behind.
        """
        make_folder(self._folder)
        newest = max((self._number(path) for path in self.list()), default=0)
        return LogSegment(self._folder / f"{self._name}{newest + 1}")

    def remove(self, path: Path) -> None:
        """Remove a segment; it does not come back after a crash.

        Raises:
            OSError: it cannot be removed.
        """
        path.unlink(missing_ok=True)
        sync_folder(self._folder)

    def set_aside(self, path: Path, wall_ns: int) -> Path:
        """Keep a damaged segment out of the way; return where it is now.

        Raises:
            OSError: it cannot be renamed.
        """
        return set_aside(path, wall_ns)

    def _number(self, path: Path) -> int:
        matched = self._numbered.fullmatch(path.name)
        return int(matched[1]) if matched else 0


class LogSegment:
    """A segment that is written to.

    Args:
        path: a file that does not exist yet.

    Raises:
        OSError: it cannot be made, and then it is not there.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.size_bytes = 0
        self._file = create_file(path)
        try:
            self._write(MAGIC)
            sync_folder(path.parent)
        except OSError:
            self.close()
            path.unlink(missing_ok=True)
            raise

    def append(self, payload: bytes) -> None:
        """Add one frame and return once it is on disk.

        Raises:
            OSError: the disk refused; use another segment from now on.
        """
        self._write(encode_frame(payload))

    def close(self) -> None:
        """Write no more; harmless twice."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def _write(self, content: bytes) -> None:
        write_all(self._file, content)
        os.fdatasync(self._file)
        self.size_bytes += len(content)
