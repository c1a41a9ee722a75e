"""One service for each snapshot: two would overwrite what the other saves."""

import errno
import fcntl
import os
from pathlib import Path
from typing import Final

from discovery.drivers.folder import FILE_MODE, make_folder

_BUSY: Final = frozenset({errno.EWOULDBLOCK, errno.EACCES})


class PathLock:
    """A lock that ends with the process, however that ends.

    Args:
        path: what is locked; the lock stands beside it.
    """

    def __init__(self, path: Path) -> None:
        self._path = path.with_name(path.name + ".lock")
        self._file = -1

    def acquire(self) -> bool:
        """Tell whether nobody else has it; then it is ours until ``release``.

        Raises:
            OSError: it cannot be told here: no folder, no right, no locks.
        """
        if self._file < 0:
            make_folder(self._path.parent)
            flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
            self._file = os.open(self._path, flags, FILE_MODE)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno in _BUSY:
                return False
            raise
        return True

    def release(self) -> None:
        """Let others have it; harmless if we have not."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1
