"""Small files that are whole or not there, whatever happens while writing.

A file is written beside its place under a temporary name, forced to disk, and only
then given its name.
"""

import errno
import os
import stat
from pathlib import Path
from typing import Final

from kubespan.errors import StateError

FILE_MODE: Final = 0o600
_NO_LINKS: Final = frozenset({errno.EPERM, errno.EOPNOTSUPP, errno.EMLINK})


def read_file(path: Path, max_bytes: int) -> bytes | None:
    """Return the content; None only when there is no such file.

    Raises:
        StateError: unreadable, no regular file, or longer than ``max_bytes``.
    """
    try:
        # Non-blocking, so that a pipe put there cannot hang the daemon.
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StateError(f"{path}: cannot be read: {error.strerror}") from error
    try:
        return _read_all(path, file, max_bytes)
    except OSError as error:
        raise StateError(f"{path}: cannot be read: {error.strerror}") from error
    finally:
        os.close(file)


def create_file(path: Path, content: bytes) -> None:
    """Create a file of mode 0600 with ``content``; refuse if there is one already.

    Raises:
        StateError: it exists, or the disk refused; nothing was changed.
    """
    _put_in_place(path, content, exclusive=True)


def replace_file(path: Path, content: bytes) -> None:
    """Create a file of mode 0600, or replace the one that is there.

    Raises:
        StateError: the disk refused; the old content is still there.
    """
    _put_in_place(path, content, exclusive=False)


def _read_all(path: Path, file: int, max_bytes: int) -> bytes:
    if not stat.S_ISREG(os.fstat(file).st_mode):
        raise StateError(f"{path}: not a regular file")
    chunks: list[bytes] = []
    wanted = max_bytes + 1
    while wanted > 0 and (chunk := os.read(file, wanted)):
        chunks.append(chunk)
        wanted -= len(chunk)
    if wanted <= 0:
        raise StateError(f"{path}: longer than {max_bytes} bytes")
    return b"".join(chunks)


def _put_in_place(path: Path, content: bytes, *, exclusive: bool) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        _write_and_sync(temporary, content)
        if exclusive:
            _name_exclusively(temporary, path)
        else:
            temporary.replace(path)
        _sync_folder(path.parent)
    except FileExistsError as error:
        raise StateError(f"{path}: exists already, left untouched") from error
    except OSError as error:
        raise StateError(f"{path}: cannot be written: {error.strerror}") from error
    finally:
        temporary.unlink(missing_ok=True)


def _write_and_sync(temporary: Path, content: bytes) -> None:
    # A leftover of a killed process that had our number.
    temporary.unlink(missing_ok=True)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    with os.fdopen(os.open(temporary, flags, FILE_MODE), "wb") as file:
        os.fchmod(file.fileno(), FILE_MODE)
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _name_exclusively(temporary: Path, path: Path) -> None:
    try:
        os.link(temporary, path)
    except OSError as error:
        # Filesystems without hard links, such as FAT.
        if error.errno not in _NO_LINKS or path.exists():
            raise
        temporary.replace(path)


def _sync_folder(folder: Path) -> None:
    file = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(file)
    finally:
        os.close(file)
