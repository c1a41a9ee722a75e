"""The systemd unit, as systemd's own tools see it."""

import configparser
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.deploy.manifests import DEPLOY, ROOT, settings

UNIT = DEPLOY / "systemd/kubespan-discovery.service"
PROGRAM = "/opt/kubespan/.venv/bin/kubespan-discovery"
# systemd's own scale from 0 to 10: "OK"
EXPOSURE_MAX = 2.0


def service() -> dict[str, str]:
    parser = configparser.RawConfigParser(strict=False, delimiters="=")
    parser.optionxform = str  # type: ignore[assignment, method-assign]  # keys keep their case
    parser.read(UNIT)
    return dict(parser["Service"])


def analyze(*arguments: str) -> subprocess.CompletedProcess[str]:
    program = shutil.which("systemd-analyze")
    if program is None:
        pytest.skip("no systemd-analyze here")
    command = [program, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_flags_exist_and_the_snapshot_is_in_the_state_directory():
    program, *arguments = service()["ExecStart"].split()
    folder = f"/var/lib/{service()['StateDirectory']}"
    given = settings([a.replace("${STATE_DIRECTORY}", folder) for a in arguments])

    assert program == PROGRAM
    assert str(given.snapshot_path) == "/var/lib/kubespan-discovery/state.binpb"


def test_variables_of_its_comment_exist():
    named = re.findall(r"#\s+(KUBESPAN_DISCOVERY_\w+)=(\S+)", UNIT.read_text())

    assert len(named) == 2
    assert settings((), dict(named)).certificate_path is not None


def test_systemd_takes_the_unit(tmp_path: Path):
    here = str(ROOT / ".venv/bin/kubespan-discovery")
    copy = tmp_path / UNIT.name
    copy.write_text(UNIT.read_text().replace(PROGRAM, here))

    done = analyze("verify", "--man=no", str(copy))

    assert done.returncode == 0, done.stderr
    assert UNIT.name not in done.stderr


def test_systemd_finds_little_the_service_could_do():
    done = analyze("security", "--offline=yes", "--no-pager", str(UNIT))
    exposure = re.search(r"exposure level for \S+: ([\d.]+)", done.stdout)

    assert exposure is not None, done.stderr
    assert float(exposure[1]) <= EXPOSURE_MAX
