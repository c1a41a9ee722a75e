import json
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result

from kubespan.cli.commands.check import check
from tests.config_texts import CONTROL_PLANE, DOCUMENTS, LEGACY, MESH, SECRET, WORKER


def run_check(text: str, tmp_path: Path, *options: str) -> Result:
    path = tmp_path / "config.yaml"
    path.write_text(text)
    return CliRunner().invoke(check, ["--config", str(path), *options])


@pytest.mark.parametrize(
    "text",
    [LEGACY, DOCUMENTS, WORKER, CONTROL_PLANE],
    ids=["legacy", "documents", "worker", "controlplane"],
)
def test_valid_file_is_printed_with_secrets_hidden(text: str, tmp_path: Path):
    result = run_check(text, tmp_path)

    settings = yaml.safe_load(result.stdout)
    assert result.exit_code == 0
    assert settings["discovery"]["clusterSecret"] == "******"
    assert SECRET not in result.output


def test_json_has_the_same_settings(tmp_path: Path):
    as_yaml = yaml.safe_load(run_check(MESH, tmp_path).stdout)
    as_json = json.loads(run_check(MESH, tmp_path, "-o", "json").stdout)

    assert as_json == as_yaml


def test_every_problem_is_a_line_on_stderr(tmp_path: Path):
    text = MESH.replace("enabled: true", "enabled: yes\nmtuu: 1")

    result = run_check(text, tmp_path)

    unknown = 'unknown key "mtuu"; did you mean mtu?'
    lines = result.stderr.splitlines()
    assert result.exit_code == 1
    assert result.stdout == ""
    assert lines == [
        f"{tmp_path}/config.yaml:4:10: KubeSpanConfig.enabled: must be true or false",
        f"{tmp_path}/config.yaml:5:1: KubeSpanConfig.mtuu: {unknown}",
    ]


def test_hints_are_talk(tmp_path: Path):
    result = run_check(MESH.replace("https://", "http://"), tmp_path)

    assert result.exit_code == 0
    assert result.stderr.startswith("hint: ")


def test_missing_file_is_one_line(tmp_path: Path):
    result = CliRunner().invoke(check, ["--config", str(tmp_path / "none.yaml")])

    assert result.exit_code == 1
    assert result.stderr == f"{tmp_path}/none.yaml: no such file\n"
