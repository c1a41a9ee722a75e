from click.testing import CliRunner

from kubespan.cli.main import kubespan


def test_reset_asks_first_and_no_means_no(tmp_path):
    result = CliRunner().invoke(
        kubespan, ["reset", "--config", str(tmp_path / "none")], input="n\n"
    )

    assert result.exit_code == 1
    assert "Remove this node from the mesh?" in result.output


def test_missing_configuration_is_one_line(tmp_path):
    result = CliRunner().invoke(
        kubespan, ["reset", "--yes", "--config", str(tmp_path / "none")]
    )

    assert result.exit_code == 1
    assert "no such file" in result.stderr
