import os

import pytest
from click.testing import CliRunner

from kubespan.cli.main import kubespan
from kubespan.drivers.state_dir import StateDir


@pytest.mark.skipif(os.geteuid() != 0, reason="not root: rights are refused first")
def test_down_is_refused_while_a_daemon_has_the_state_directory(tmp_path):
    with StateDir(tmp_path):
        result = CliRunner().invoke(kubespan, ["down", "--state-dir", str(tmp_path)])

    assert result.exit_code == 1
    assert result.stderr.count("\n") == 1
    assert f"in use by process {os.getpid()}" in result.stderr


def test_configuration_that_does_not_validate_stops_it(tmp_path):
    config = tmp_path / "config.yaml"
    config.write_text("nonsense: [")

    result = CliRunner().invoke(kubespan, ["down", "--config", str(config)])

    assert result.exit_code == 1
    assert str(config) in result.stderr
