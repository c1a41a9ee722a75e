"""The snapshot on disk, replaced as a whole or not at all.

Beside it stand the one before (``.previous``) and the checksums of both (``.sha256``).
Every step of a save leaves a state that can be loaded, at worst the old one::

    write .tmp · previous := current · checksums := new and current · current := .tmp

Source: discovery.md 4.2; checklist 65, 67.
"""

import contextlib
import hashlib
import os
from pathlib import Path

from discovery.drivers.checksum_file import read_checksums, render_checksums
from discovery.drivers.folder import (
    create_file,
    make_folder,
    set_aside,
    sync_folder,
    write_all,
)


class SnapshotFiles:
    """The files of one snapshot.

    Args:
        path: of the snapshot; the others have its name and more.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.previous = path.with_name(path.name + ".previous")
        self.checksums = path.with_name(path.name + ".sha256")
        self.temporary = _temporary_of(path)

    def exist(self) -> bool:
        """Tell whether a service was here before, whatever became of its files."""
        damaged = self.path.parent.glob(f"{_literal(self.path.name)}*.corrupt-*")
        found = self.path.exists() or self.previous.exists()
        return found or any(True for _ in damaged)

    def prepare(self) -> None:
        """Make the folder, and see whether files can be made in it.

        Raises:
            OSError: no.
        """
        make_folder(self.path.parent)
        os.close(create_file(self.temporary))
        self.temporary.unlink()

    def set_aside(self, path: Path, wall_ns: int) -> Path:
        """Keep a damaged file from being overwritten; return where it is now.

        Raises:
            OSError: it cannot be renamed.
        """
        return set_aside(path, wall_ns)


def _literal(name: str) -> str:
    """Return a pattern that matches this name alone."""
    return "".join(f"[{c}]" if c in "*?[" else c for c in name)


class SnapshotWriter:
    """Writes one snapshot; ``commit`` or ``discard`` ends it.

    Args:
        files: which ones.

    Attributes:
        size_bytes: of what was written.
    """

    def __init__(self, files: SnapshotFiles) -> None:
        self._files = files
        self._file = -1
        self._hash = hashlib.sha256()
        self._committed = False
        self.size_bytes = 0

    def open(self) -> None:
        """Begin; a leftover of an earlier save is replaced.

        Raises:
            OSError: the temporary file cannot be made.
        """
        make_folder(self._files.path.parent)
        self._file = create_file(self._files.temporary)

    def write(self, part: bytes) -> None:
        """Add to the end.

        Raises:
            OSError: the disk refused; discard this.
        """
        write_all(self._file, part)
        self._hash.update(part)
        self.size_bytes += len(part)

    def commit(self, saved_at_ns: int) -> None:
        """Force it to disk and put it into place.

        Args:
            saved_at_ns: wall clock, what the lifetimes count from; becomes the time
                of the file.

        Raises:
            OSError: the disk refused; discard this, the old snapshot is still there.
        """
        os.utime(self._file, ns=(saved_at_ns, saved_at_ns))
        os.fsync(self._file)
        self._close()
        checksums = self._write_checksums()
        self._keep_current_as_previous()
        checksums.replace(self._files.checksums)
        sync_folder(self._files.path.parent)
        self._files.temporary.replace(self._files.path)
        self._committed = True
        sync_folder(self._files.path.parent)

    def discard(self) -> None:
        """Forget it; harmless after ``commit`` and without ``open``."""
        self._close()
        if self._committed:  # what stands there now is the next save's
            return
        for leftover in (self._files.temporary, _temporary_of(self._files.checksums)):
            with contextlib.suppress(OSError):
                leftover.unlink(missing_ok=True)

    def _close(self) -> None:
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def _write_checksums(self) -> Path:
        """Write what is listed after this save, not yet in place."""
        temporary = _temporary_of(self._files.checksums)
        file = create_file(temporary)
        try:
            write_all(file, render_checksums(self._checksums_after()).encode())
            os.fsync(file)
        finally:
            os.close(file)
        return temporary

    def _checksums_after(self) -> dict[str, str]:
        files = self._files
        after = {files.path.name: self._hash.hexdigest()}
        with contextlib.suppress(OSError):
            known = read_checksums(files.checksums).values()
            current = files.path if files.path.exists() else files.previous
            checksum = checksum_of(current)
            # What was damaged since it was written is not blessed by listing it.
            if not known or checksum in known:
                after[files.previous.name] = checksum
        return after

    def _keep_current_as_previous(self) -> None:
        """Give the current snapshot a second name; at no moment has it none."""
        files = self._files
        second = _temporary_of(files.previous)
        second.unlink(missing_ok=True)
        try:
            os.link(files.path, second, follow_symlinks=False)
        except FileNotFoundError:
            return
        except OSError:  # no hard links here: for a moment there is only the previous
            files.path.replace(files.previous)
        else:
            second.replace(files.previous)
            # renaming one of two names of one file does nothing at all
            second.unlink(missing_ok=True)


def _temporary_of(path: Path) -> Path:
    return path.with_name(path.name + ".tmp")


def checksum_of(path: Path) -> str:
    """Return the SHA-256 of a file, in hexadecimal.

    Raises:
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
