"""``kubespanctl lab``."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from kubespan.cli.main import kubespanctl
from kubespan.lab import build, files
from kubespan.lab.lab import Lab
from kubespan.lab.namespaces import lab_namespaces
from kubespan.lab.topology import LabSpec

NAME = "clitest"


def _run(*arguments: str) -> Result:
    return CliRunner().invoke(kubespanctl, ["lab", *arguments])


@pytest.fixture
def no_labs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(build, "all_namespaces", list)
    monkeypatch.setattr(files, "LABS_DIR", tmp_path)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        pytest.param(["create", "--nodes", "0"], "1<=x<=250", id="no nodes"),
        pytest.param(["create", "--nodes", "x"], "not a valid integer", id="no number"),
        pytest.param(["create", "--nodes", "2", "--nat", "3"], "NAT", id="all NAT"),
        pytest.param(["create", "--name", "a-b"], "lab name", id="bad name"),
        pytest.param(["create", "--wireguard", "x"], "'x' is not one of", id="choice"),
        pytest.param(["shell"], "Missing argument", id="shell of what"),
        pytest.param(["stop"], "Missing argument", id="stop what"),
        pytest.param(["nonsense"], "No such command", id="unknown command"),
    ],
)
def test_wrong_usage_is_told_with_status_2(arguments: list[str], reason: str) -> None:
    result = _run(*arguments)

    assert result.exit_code == 2
    assert reason in result.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(["create"], id="create"),
        pytest.param(["status"], id="status"),
        pytest.param(["shell", "node-1"], id="shell"),
        pytest.param(["join"], id="join"),
        pytest.param(["stop", "node-1"], id="stop"),
        pytest.param(["logs", "node-1"], id="logs"),
        pytest.param(["destroy"], id="destroy"),
        pytest.param(["demo"], id="demo"),
    ],
)
def test_without_root_one_clear_line(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)

    result = _run(*arguments)

    assert result.exit_code == 1
    assert result.stderr.count("\n") == 1
    assert "needs root" in result.stderr


@pytest.mark.usefixtures("no_labs")
def test_without_a_lab_one_is_told_how_to_make_one() -> None:
    status, shell, destroy = _run("status"), _run("shell", "x"), _run("destroy")

    assert status.stdout == "no lab: kubespanctl lab create\n"
    assert shell.exit_code == 1
    assert "kubespanctl lab create" in shell.stderr
    assert (destroy.exit_code, destroy.stdout) == (0, "nothing to remove\n")


@pytest.mark.usefixtures("no_labs")
def test_among_several_labs_one_must_be_chosen() -> None:
    for name in ("one", "two"):
        (files.LABS_DIR / name).mkdir()

    result = _run("shell", "node-1")

    assert result.exit_code == 1
    assert "choose with --name: one, two" in result.stderr


@pytest.mark.netns
def test_status_is_a_table_or_json() -> None:
    with Lab.create(LabSpec(NAME, 1, 0), start=False, replace_running=True):
        table = _run("status", "--name", NAME)
        rows = json.loads(_run("status", "--name", NAME, "-o", "json").stdout)

    assert table.stdout.splitlines()[1].split() == [
        NAME,
        "node-1",
        "-",
        "198.18.1.2",
        "10.244.1.0/24",
        "stopped",
        "-",
    ]
    assert [row["node"] for row in rows] == ["node-1", "discovery"]


@pytest.mark.netns
def test_a_part_is_stopped_and_started_and_the_lab_destroyed() -> None:
    Lab.create(LabSpec(NAME, 1, 0), start=False, replace_running=True)

    started = _run("start", "--name", NAME, "discovery")
    again = _run("start", "--name", NAME, "discovery")
    stopped = _run("stop", "--name", NAME, "discovery")
    destroyed = _run("destroy", "--name", NAME)

    assert started.stdout == "discovery: started\n"
    assert again.exit_code == 1
    assert stopped.stdout == "discovery: stopped\n"
    assert destroyed.stdout == f"removed lab {NAME!r}\n"
    assert NAME not in build.lab_names()


@pytest.mark.netns
def test_a_shell_has_our_programs_and_the_logs_are_shown() -> None:
    with Lab.create(LabSpec(NAME, 1, 0), start=False, replace_running=True) as lab:
        lab.discovery.start()
        command = f"lab shell --name {NAME} node-1 -- sh -c".split()
        script = "cat /proc/sys/kernel/hostname; kubespanctl --version"
        shell = lab.place("internet").run(["kubespanctl", *command, script])
        logs = lab.place("internet").run(
            ["kubespanctl", "lab", "logs", "--name", NAME, "discovery"]
        )

    assert shell.stdout.startswith("node-1\nkubespanctl")
    assert logs.stdout


@pytest.mark.netns
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_an_interrupted_demonstration_leaves_nothing(number: int) -> None:
    command = [sys.executable, "-m", "kubespan.cli.main", "lab", "demo"]
    with subprocess.Popen([*command, "--name", NAME], stdout=subprocess.PIPE) as shown:
        while f"kslab-{NAME}-node-3-pod" not in lab_namespaces(NAME):
            assert shown.poll() is None
        shown.send_signal(number)
        shown.communicate(timeout=30)

    assert shown.returncode in {1, 128 + number}
    assert lab_namespaces(NAME) == []
    assert NAME not in build.lab_names()
