import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from kubespan.cli.commands.gen import gen
from kubespan.config.cluster_identity import read_cluster_identity
from kubespan.config.parse import parse_config
from kubespan.errors import ConfigError, StateError
from tests.config_texts import BUNDLE, DOCUMENTS, ID, SECRET, WORKER


def run_gen(*arguments: str | Path) -> Result:
    return CliRunner().invoke(gen, [str(a) for a in arguments])


def test_secrets_are_new_every_time():
    first = read_cluster_identity(run_gen("secrets").stdout, "f")
    second = read_cluster_identity(run_gen("secrets").stdout, "f")

    assert first.cluster_id != second.cluster_id
    assert first.cluster_secret != second.cluster_secret


def test_secrets_file_is_private_and_not_replaced(tmp_path: Path):
    path = tmp_path / "secrets.yaml"
    previous = os.umask(0)

    first = run_gen("secrets", "-o", path)
    text = path.read_text()
    second = run_gen("secrets", "-o", path)

    os.umask(previous)
    assert first.exit_code == 0
    assert first.stdout == ""
    assert path.stat().st_mode & 0o777 == 0o600
    assert isinstance(second.exception, StateError)
    assert path.read_text() == text


def test_force_replaces_the_file_and_makes_it_private(tmp_path: Path):
    path = tmp_path / "secrets.yaml"
    path.write_text("old")
    path.chmod(0o644)

    result = run_gen("secrets", "-o", path, "--force")

    assert result.exit_code == 0
    assert path.stat().st_mode & 0o777 == 0o600
    assert "clusterID" in path.read_text()


@pytest.mark.parametrize("text", [WORKER, BUNDLE], ids=["machine config", "bundle"])
def test_secrets_are_taken_from_talos(text: str, tmp_path: Path):
    path = tmp_path / "talos.yaml"
    path.write_text(text)

    taken = run_gen("secrets", "--from-talos", path).stdout

    assert read_cluster_identity(taken, "f") == read_cluster_identity(text, "f")


def test_config_is_valid_and_says_that_a_cluster_was_made():
    result = run_gen("config", "--name", "n1", "--advertise", "10.9.0.0/24")

    config = parse_config(result.stdout, "f")
    assert result.exit_code == 0
    assert config.host.hostname == "n1"
    assert "a new cluster identity was made" in result.stderr


def test_configs_with_the_same_secrets_are_one_cluster(tmp_path: Path):
    path = tmp_path / "secrets.yaml"
    run_gen("secrets", "-o", path)

    texts = [run_gen("config", "--secrets", path).stdout for _ in range(2)]

    first, second = (parse_config(text, "f").discovery for text in texts)
    assert first == second


def test_config_of_one_node_serves_as_secrets_for_the_next(tmp_path: Path):
    path = tmp_path / "node.yaml"
    path.write_text(DOCUMENTS)

    config = parse_config(run_gen("config", "--secrets", path).stdout, "f")

    assert config.discovery.cluster_id == ID


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (("--advertise", "10.9.0.0"), "not a network in CIDR form"),
        (("--discovery", "a.example"), "endpoint scheme is required"),
        (("--name", "a b"), "not a host name"),
        (("--name", 'x"\nmachineType: init\n#'), "not a host name"),
    ],
)
def test_option_that_makes_no_valid_config_is_refused(
    options: tuple[str, ...], expected: str
):
    result = run_gen("config", *options)

    assert isinstance(result.exception, ConfigError)
    assert expected in str(result.exception)
    assert result.stdout == ""


def test_patch_holds_no_secret(tmp_path: Path):
    path = tmp_path / "node.yaml"
    path.write_text(DOCUMENTS)

    result = run_gen("config", "--talos-patch", "--secrets", path)

    assert "kind: KubeSpanConfig" in result.stdout
    assert "kind: DiscoveryServiceConfig" in result.stdout
    assert SECRET not in result.output


@pytest.mark.parametrize("module", ["gen", "check"])
def test_command_is_imported_without_pydantic_and_grpc(module: str):
    code = (
        f"import sys, kubespan.cli.commands.{module}\n"
        "print(sorted({'pydantic', 'grpc', 'yaml'} & set(sys.modules)))"
    )

    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )

    assert done.stdout == "[]\n"
