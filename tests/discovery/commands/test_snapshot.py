import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from discovery.commands.snapshot import PATH_VARIABLE, run_snapshot_command
from discovery.drivers.log_segments import LogSegments
from discovery.drivers.snapshot_file import SnapshotFiles, SnapshotWriter
from tests.discovery.records import EXAMPLE, WALL_NS, a_snapshot


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "state.binpb"
    writer = SnapshotWriter(SnapshotFiles(path))
    writer.open()
    writer.write(EXAMPLE)
    writer.commit(WALL_NS)
    return path


def test_dump_shows_what_is_in_it(path: Path, capsys: pytest.CaptureFixture) -> None:
    assert run_snapshot_command(["dump", str(path)]) == 0

    assert capsys.readouterr().out == (
        'cluster "r"\n'
        '  affiliate "A": 1 bytes, 59 s left\n'
        "    endpoint 65: 59 s left\n"
        'cluster "empty"\n'
    )


def test_dump_as_json_has_the_sealed_data(
    path: Path, capsys: pytest.CaptureFixture
) -> None:
    assert run_snapshot_command(["dump", "--json", str(path)]) == 0

    endpoint = {"data": "65", "ttl_s": 59}
    affiliate = {"id": "A", "ttl_s": 59, "data_bytes": 1, "data": "64"}
    assert json.loads(capsys.readouterr().out) == {
        "clusters": [
            {"id": "r", "affiliates": [{**affiliate, "endpoints": [endpoint]}]},
            {"id": "empty", "affiliates": []},
        ]
    }


def test_check_of_a_whole_file_is_good(
    path: Path, capsys: pytest.CaptureFixture
) -> None:
    assert run_snapshot_command(["check", str(path)]) == 0

    assert "whole" in capsys.readouterr().out


@pytest.mark.parametrize("command", ["dump", "check"])
def test_default_is_the_file_of_the_service(
    path: Path,
    command: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture,
) -> None:
    monkeypatch.setenv(PATH_VARIABLE, str(path))

    assert run_snapshot_command([command]) == 0

    assert capsys.readouterr().out


@pytest.mark.parametrize("command", ["dump", "check"])
def test_damage_is_told_and_what_is_readable_shown(
    path: Path, command: str, capsys: pytest.CaptureFixture
) -> None:
    path.write_bytes(a_snapshot("c1", "c2")[:-1])

    status = run_snapshot_command([command, str(path)])

    captured = capsys.readouterr()
    assert status == 1
    assert "cut short" in captured.out + captured.err
    assert "1 clusters" in captured.out or 'cluster "c1"' in captured.out


@pytest.mark.parametrize("command", ["dump", "check"])
def test_file_that_is_not_there_is_one_line(
    tmp_path: Path, command: str, capsys: pytest.CaptureFixture
) -> None:
    assert run_snapshot_command([command, str(tmp_path / "none")]) == 1

    error = capsys.readouterr().err
    assert error == (
        f"kubespan-discovery: {tmp_path / 'none'}: No such file or directory\n"
    )


def test_dump_tells_of_changes_it_does_not_show(
    path: Path, capsys: pytest.CaptureFixture
) -> None:
    LogSegments(path).begin().close()

    assert run_snapshot_command(["dump", str(path)]) == 0

    assert "state.binpb.log.1 has later changes" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments", [[], ["none"], ["dump", "--none"], ["check", "a", "b"]], ids=str
)
def test_wrong_arguments_are_refused(
    arguments: list[str], capsys: pytest.CaptureFixture
) -> None:
    with pytest.raises(SystemExit) as ended:
        run_snapshot_command(arguments)

    assert ended.value.code == 2
    assert "usage: kubespan-discovery snapshot" in capsys.readouterr().err


def test_reader_that_has_enough_is_no_error(path: Path) -> None:
    path.write_bytes(a_snapshot(*(f"cluster{number}" for number in range(20_000))))
    path.with_name("state.binpb.sha256").unlink()
    command = f"{sys.executable} -m discovery snapshot dump {path}"

    ran = subprocess.run(
        ["bash", "-c", f"{command} | head -n 1; exit ${{PIPESTATUS[0]}}"],
        env={**os.environ, "PYTHONPATH": str(Path.cwd())},
        capture_output=True,
        text=True,
        check=False,
    )

    assert (ran.returncode, ran.stdout, ran.stderr) == (0, 'cluster "cluster0"\n', "")
