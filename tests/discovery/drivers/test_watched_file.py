import logging
from pathlib import Path

import pytest

from discovery.drivers import watched_file
from discovery.drivers.watched_file import FileError, WatchedFile


def number(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise ValueError("not a number") from None


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "number"
    file.write_text("1")
    file.chmod(0o640)
    return file


def test_changed_file_is_read_again(path: Path) -> None:
    file = WatchedFile(path, number)
    before = file.read()

    path.write_text("22")

    assert (before, file.read()) == (1, 22)


def test_file_replaced_by_renaming_is_read_again(path: Path) -> None:
    file = WatchedFile(path, number)

    new = path.with_name("new")
    new.write_text("2")
    new.rename(path)

    assert file.read() == 2


@pytest.mark.parametrize("text", [b"junk", b"\xff", b"", None])
def test_bad_file_is_told_once_and_what_it_said_stays(
    path: Path, text: bytes | None, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "discovery")
    file = WatchedFile(path, number)

    path.unlink() if text is None else path.write_bytes(text)
    answers = [file.read() for _ in range(3)]
    path.write_text("333")

    assert answers == [1, 1, 1]
    assert len(caplog.records) == 1
    assert file.read() == 333


@pytest.mark.parametrize(
    ("content", "says"),
    [
        pytest.param(b"junk", "number: not a number", id="wrong"),
        pytest.param(b"\xff", "number: not UTF-8", id="binary"),
        pytest.param(None, "number: No such file", id="missing"),
    ],
)
def test_bad_file_at_start_is_an_error_that_names_it(
    path: Path, content: bytes | None, says: str
) -> None:
    path.unlink() if content is None else path.write_bytes(content)

    with pytest.raises(FileError, match=says):
        WatchedFile(path, number)


def test_huge_file_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watched_file, "FILE_BYTES_MAX", 3)
    path.write_text("1234")

    with pytest.raises(FileError, match="larger than 3 bytes"):
        WatchedFile(path, number)


@pytest.mark.parametrize(
    ("mode", "is_secret", "warnings"),
    [(0o644, True, 1), (0o640, True, 0), (0o644, False, 0)],
)
def test_secret_that_every_user_can_read_is_told(
    path: Path,
    mode: int,
    is_secret: bool,
    warnings: int,
    caplog: pytest.LogCaptureFixture,
) -> None:
    path.chmod(mode)

    WatchedFile(path, number, is_secret=is_secret)

    assert len(caplog.records) == warnings
