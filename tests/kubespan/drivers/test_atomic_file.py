import errno
import os
from pathlib import Path

import pytest

from kubespan.drivers.atomic_file import create_file, read_file, replace_file
from kubespan.errors import StateError


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o7777


def names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


def test_a_created_file_is_whole_private_and_alone(tmp_path: Path) -> None:
    path = tmp_path / "key"
    umask = os.umask(0o000)

    create_file(path, b"content")

    os.umask(umask)
    assert read_file(path, 100) == b"content"
    assert mode(path) == 0o600
    assert names(tmp_path) == ["key"]


def test_a_file_that_exists_is_not_created_again(tmp_path: Path) -> None:
    path = tmp_path / "key"
    create_file(path, b"first")

    with pytest.raises(StateError, match="exists already"):
        create_file(path, b"second")

    assert path.read_bytes() == b"first"
    assert names(tmp_path) == ["key"]


def test_creation_works_without_hard_links(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    path = tmp_path / "key"

    create_file(path, b"content")

    assert path.read_bytes() == b"content"
    with pytest.raises(StateError):
        create_file(path, b"other")


def test_replacing_keeps_the_file_private(tmp_path: Path) -> None:
    path = tmp_path / "cache"
    path.write_bytes(b"old")
    path.chmod(0o644)

    replace_file(path, b"new")

    assert path.read_bytes() == b"new"
    assert mode(path) == 0o600
    assert names(tmp_path) == ["cache"]


def test_a_refused_write_leaves_the_old_content(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    path = tmp_path / "cache"
    path.write_bytes(b"old")
    monkeypatch.setattr(os, "fsync", refuse)

    with pytest.raises(StateError, match="No space left"):
        replace_file(path, b"new")

    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["cache"]


def test_a_leftover_of_a_killed_process_is_no_obstacle(tmp_path: Path) -> None:
    path = tmp_path / "cache"
    (tmp_path / f".cache.{os.getpid()}").write_bytes(b"half")

    replace_file(path, b"new")

    assert path.read_bytes() == b"new"
    assert names(tmp_path) == ["cache"]


def test_a_missing_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(StateError, match="cannot be written"):
        replace_file(tmp_path / "none" / "cache", b"new")


def test_only_absence_reads_as_none(tmp_path: Path) -> None:
    folder, pipe, large = tmp_path / "folder", tmp_path / "pipe", tmp_path / "large"
    folder.mkdir()
    os.mkfifo(pipe)
    large.write_bytes(bytes(101))

    assert read_file(tmp_path / "none", 100) is None
    for path in (folder, pipe, large):
        with pytest.raises(StateError):
            read_file(path, 100)
    assert read_file(large, 101) == bytes(101)


def test_an_unreadable_place_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"")

    with pytest.raises(StateError, match="cannot be read"):
        read_file(path / "below", 100)
