"""The whole command, on small loads."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from bench.discovery.servers import missing

ROOT = Path(__file__).parents[2]
PHASES = ["join", "refresh", "burst", "churn"]


def measured(*arguments: str) -> dict[str, list[dict[str, object]]]:
    command = [sys.executable, "-m", "bench.discovery", "--rounds", "1", "-o", "json"]
    done = subprocess.run(
        [*command, "--quiet", "0.3", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if "does not build" in done.stderr:
        pytest.skip(f"Go without its modules: {done.stderr.splitlines()[-1]}")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_every_watcher_of_ours_learns_everything() -> None:
    document = measured("--server", "memory", "--shape", "2x5x3@200", "--idle", "10")

    rows = document["rows"]
    assert [row["phase"] for row in rows] == PHASES
    assert {row["incomplete"] for row in rows} == {0}
    assert {row["broken"] for row in rows} == {0}
    assert {row["refused"] for row in rows} == {0}
    assert [row["messages"] == 0 for row in rows] == [False, True, False, False]
    assert rows[0]["snapshots"] == 6
    assert [idle["watchers"] for idle in document["idle"]] == [10]


@pytest.mark.interop
@pytest.mark.skipif(bool(missing("stand-in")), reason=missing("stand-in"))
def test_stand_in_tells_every_update_to_every_watcher() -> None:
    document = measured("--server", "stand-in", "--shape", "5x3@200")

    rows = document["rows"]
    assert [row["incomplete"] for row in rows] == [0] * 4
    assert [row["messages"] for row in rows] == [15, 15, 15, 30]
    assert [row["affiliates"] for row in rows] == [15, 15, 15, 30]


def test_server_that_is_not_there_is_left_out_with_the_reason() -> None:
    command = [sys.executable, "-m", "bench.discovery", "--affiliates", "1"]
    nowhere = ["--address", "127.0.0.1:1", "--pid", "1"]

    done = subprocess.run(
        [*command, *nowhere], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert done.returncode == 1
    assert "Left out: 127.0.0.1:1 ([Errno 111] Connection refused)." in done.stdout
