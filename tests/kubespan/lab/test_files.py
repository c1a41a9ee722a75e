"""A lab's files."""

from pathlib import Path

import pytest

from kubespan.lab import files as files_module
from kubespan.lab.errors import LabError
from kubespan.lab.files import (
    LabFiles,
    lab_files,
    labs_with_files,
    last_lines,
    make_lab_files,
    write_private,
)
from kubespan.lab.record import LabRecord
from kubespan.lab.topology import LabSpec

A_RECORD = LabRecord(LabSpec("t"), (0,), "id", "secret")


@pytest.fixture(autouse=True)
def _labs_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files_module, "LABS_DIR", tmp_path / "labs")


def _mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_only_the_owner_can_read_anything() -> None:
    files = make_lab_files("t")
    files.write_record(A_RECORD)
    node = files.node("node-1")

    assert _mode(files.directory) == 0o700
    assert _mode(files.directory / "lab.json") == 0o600
    assert _mode(node.state_dir) == 0o700


def test_a_record_is_found_again() -> None:
    make_lab_files("t").write_record(A_RECORD)

    assert lab_files("t").read_record() == A_RECORD
    assert labs_with_files() == ["t"]


def test_a_second_lab_of_the_same_name_is_refused() -> None:
    make_lab_files("t")

    with pytest.raises(LabError, match="is there"):
        make_lab_files("t")


def test_a_lab_that_is_not_there_is_an_error() -> None:
    with pytest.raises(LabError, match="no lab 'nope'"):
        lab_files("nope").read_record()


def test_the_last_lab_takes_the_directory_with_it() -> None:
    one, two = make_lab_files("one"), make_lab_files("two")

    one.remove()
    assert labs_with_files() == ["two"]
    two.remove()
    assert not files_module.LABS_DIR.exists()
    assert labs_with_files() == []


def test_a_file_is_replaced_in_one_step(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    write_private(file, "one")
    write_private(file, "two")

    assert file.read_text() == "two"
    assert _mode(file) == 0o600
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("", [], id="empty"),
        pytest.param("a\nb\n", ["a", "b"], id="short"),
        pytest.param("x\n" * 5000 + "y\nz\n", ["x", "y", "z"], id="long"),
        pytest.param("\udcff\n", ["\ufffd"], id="not text"),
    ],
)
def test_the_last_lines_of_a_log(
    tmp_path: Path, text: str, expected: list[str]
) -> None:
    log = tmp_path / "log"
    log.write_text(text, errors="surrogateescape")

    assert last_lines(log, 3) == expected


def test_a_log_that_is_not_there_has_no_lines(tmp_path: Path) -> None:
    assert last_lines(tmp_path / "log", 3) == []


def test_a_node_has_its_own_directory(tmp_path: Path) -> None:
    node = LabFiles(tmp_path).node("node-1")

    assert node.config == tmp_path / "node-1" / "config.yaml"
    assert node.log == tmp_path / "node-1" / "daemon.log"
