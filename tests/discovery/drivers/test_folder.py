import os
import stat
from pathlib import Path

import pytest

from discovery.drivers.folder import (
    create_file,
    make_folder,
    set_aside,
    sync_folder,
    write_all,
)


def test_folder_is_made_with_those_above_it(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b"

    make_folder(folder)
    make_folder(folder)

    assert stat.S_IMODE(folder.stat().st_mode) == 0o755 & ~_umask()


def test_new_file_is_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_text("leftover")
    path.chmod(0o666)

    os.close(create_file(path))

    assert path.read_bytes() == b""
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_link_in_the_place_of_a_file_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "target").write_text("precious")
    (tmp_path / "f").symlink_to(tmp_path / "target")

    os.close(create_file(tmp_path / "f"))

    assert (tmp_path / "target").read_text() == "precious"


def test_everything_is_written_however_little_at_a_time(tmp_path: Path) -> None:
    path = tmp_path / "f"
    file = create_file(path)

    write_all(file, b"")
    write_all(file, bytes(range(256)) * 1000)
    os.close(file)

    assert path.read_bytes() == bytes(range(256)) * 1000


def test_full_disk_is_told() -> None:
    file = os.open("/dev/full", os.O_WRONLY)

    with pytest.raises(OSError, match="No space left"):
        write_all(file, b"x")

    os.close(file)


def test_what_is_set_aside_never_replaces_what_was(tmp_path: Path) -> None:
    asides = []
    for content in ("one", "two", "three"):
        (tmp_path / "f").write_text(content)
        asides.append(set_aside(tmp_path / "f", 7_000_000_000))

    assert [aside.name for aside in asides] == [
        "f.corrupt-7",
        "f.corrupt-7-1",
        "f.corrupt-7-2",
    ]
    assert [aside.read_text() for aside in asides] == ["one", "two", "three"]


def test_folder_that_is_none_cannot_be_synced(tmp_path: Path) -> None:
    sync_folder(tmp_path)

    with pytest.raises(OSError, match="No such file"):
        sync_folder(tmp_path / "none")


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
