import pytest
from click.testing import CliRunner

from kubespan import __version__
from kubespan.cli.main import kubespan, kubespanctl


@pytest.mark.parametrize("program", [kubespan, kubespanctl])
def test_help_lists_every_command_with_a_sentence(program):
    result = CliRunner().invoke(program, ["--help"])

    assert result.exit_code == 0
    listed = result.output.partition("Commands:")[2].splitlines()[1:]
    assert [line.split()[0] for line in listed if line.strip()] == list(
        program.list_commands(None)
    )
    assert all(len(line.split()) > 2 for line in listed if line.strip())


@pytest.mark.parametrize("program", [kubespan, kubespanctl])
def test_every_command_explains_itself(program):
    for name in program.list_commands(None):
        result = CliRunner().invoke(program, [name, "--help"])

        assert result.exit_code == 0, name
        assert "Usage:" in result.output


@pytest.mark.parametrize("program", [kubespan, kubespanctl])
def test_version_is_told(program):
    result = CliRunner().invoke(program, ["--version"])

    assert __version__ in result.output


@pytest.mark.parametrize(
    "words",
    [
        pytest.param(["nonsense"], id="unknown command"),
        pytest.param(["run"], id="missing option"),
        pytest.param(["run", "--nonsense"], id="unknown option"),
    ],
)
def test_wrong_usage_is_exit_status_2(words):
    result = CliRunner().invoke(kubespan, words)

    assert result.exit_code == 2


def test_mistakes_in_a_configuration_are_one_line_each(tmp_path):
    config = tmp_path / "config.yaml"
    config.write_text(
        "apiVersion: v1alpha1\nkind: KubeSpanConfig\nenabeld: true\nmtu: 5\n"
    )

    result = CliRunner().invoke(
        kubespan, ["run", "--config", str(config), "--state-dir", str(tmp_path / "s")]
    )

    assert result.exit_code == 1
    assert "config.yaml:3:1" in result.stderr
    assert "enabled" in result.stderr
    assert "Traceback" not in result.stderr
