from click.testing import CliRunner

from kubespan.cli.main import kubespan
from kubespan.wiring import CONTROLLERS


def test_graph_shows_every_controller_with_what_it_reads_and_writes():
    result = CliRunner().invoke(kubespan, ["graph"])

    for controller in CONTROLLERS:
        assert f"| {controller.name} | " in result.output
        assert f"| {controller.writes.__name__} |" in result.output
