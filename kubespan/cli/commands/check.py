"""``kubespan check``: is a configuration file valid, and what does it say?"""

from pathlib import Path
from typing import Any

import click


@click.command()
@click.option(
    "--config",
    "-c",
    "path",
    type=click.Path(path_type=Path, readable=False),
    required=True,
    help="The configuration file; a Talos machine configuration will do.",
)
@click.option(
    "-o",
    "--output",
    type=click.Choice(["yaml", "json"]),
    default="yaml",
    show_default=True,
    help="How to print the effective settings.",
)
@click.pass_context
def check(ctx: click.Context, path: Path, output: str) -> None:
    """Validate a configuration and print the effective settings, secrets hidden.

    Every mistake is printed with its place, one per line; then the exit status is 1.
    """
    # pydantic is loaded only when a configuration is read: a CLI must start in a blink
    from kubespan.config.effective import effective_settings
    from kubespan.config.hints import config_hints
    from kubespan.drivers.config_file import load_config
    from kubespan.errors import ConfigError

    try:
        config = load_config(path)
    except ConfigError as error:
        for problem in error.problems:
            click.echo(problem, err=True)
        ctx.exit(1)
    for hint in config_hints(config):
        click.echo(f"hint: {hint}", err=True)
    click.echo(_rendered(effective_settings(config), output))


def _rendered(settings: dict[str, Any], output: str) -> str:
    from kubespan.cli.render import render_json, render_yaml

    render = render_json if output == "json" else render_yaml
    return render(settings).rstrip("\n")
