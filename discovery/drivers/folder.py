"""Names in a folder that outlive a crash of the host."""

import os
from pathlib import Path
from typing import Final

FOLDER_MODE: Final = 0o755
FILE_MODE: Final = 0o600  # cluster IDs let whoever reads them in


def make_folder(folder: Path) -> None:
    """Create a folder of mode 0755 with those above it, unless it is there.

    Raises:
        OSError: it cannot be made.
    """
    folder.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)


def create_file(path: Path) -> int:
    """Return a new file of mode 0600, open for writing; a leftover is replaced.

    Raises:
        OSError: it cannot be made.
    """
    path.unlink(missing_ok=True)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
    file = os.open(path, flags, FILE_MODE)
    os.fchmod(file, FILE_MODE)
    return file


def sync_folder(folder: Path) -> None:
    """Force the names in a folder to disk.

    Raises:
        OSError: the disk refused.
    """
    file = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(file)
    finally:
        os.close(file)


def write_all(file: int, content: bytes) -> None:
    """Write the whole content, in as many steps as the host wants.

    Raises:
        OSError: the disk refused; some of it may be written.
    """
    rest = memoryview(content)
    while rest:
        rest = rest[os.write(file, rest) :]


def set_aside(path: Path, wall_ns: int) -> Path:
    """Rename a file that is damaged, so that nothing overwrites it; its new path.

    Raises:
        OSError: it cannot be renamed.
    """
    aside = path.with_name(f"{path.name}.corrupt-{wall_ns // 1_000_000_000}")
    number = 0
    while os.path.lexists(aside):
        number += 1
        aside = path.with_name(
            f"{path.name}.corrupt-{wall_ns // 1_000_000_000}-{number}"
        )
    path.rename(aside)
    sync_folder(path.parent)
    return aside
