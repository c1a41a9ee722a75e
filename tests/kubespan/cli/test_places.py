from pathlib import Path

import click
from click.testing import CliRunner

from kubespan.cli.places import config_option, socket_option, state_option


@click.command()
@config_option(required=False)
@state_option
@socket_option
def command(config: Path | None, state_dir: Path, socket: Path) -> None:
    click.echo(f"{config} {state_dir} {socket}")


def test_places_have_defaults():
    result = CliRunner().invoke(command, [])

    assert result.output == "None /var/lib/kubespan /run/kubespan/kubespan.sock\n"


def test_places_may_come_from_the_environment_and_the_command_line_wins():
    environment = {"KUBESPAN_STATE_DIR": "/state", "KUBESPAN_SOCKET": "/socket"}

    result = CliRunner().invoke(command, ["--socket", "/mine"], env=environment)

    assert result.output == "None /state /mine\n"
