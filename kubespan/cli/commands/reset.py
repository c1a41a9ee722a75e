"""``kubespan reset``: leave the mesh for good."""

import asyncio
from pathlib import Path

import click

from kubespan.cli.places import config_option, state_option


@click.command()
@config_option(required=True)
@state_option
@click.option("--wipe", is_flag=True, help="Also remove this node's identity and keys.")
@click.confirmation_option(prompt="Remove this node from the mesh?")
def reset(config: Path, state_dir: Path, wipe: bool) -> None:
    """Leave the mesh for good: tell the discovery services, then do as `down` does.

    The daemon must have been stopped. Without --wipe the node comes back as the same
    one when it is started again.
    """
    from kubespan import daemon, departure
    from kubespan.drivers.config_file import load_config

    settings = load_config(config)
    options = daemon.Options(config, state_dir, Path())
    silent = asyncio.run(departure.withdraw(options, settings))
    for name in silent:
        said = f"discovery service {name} did not confirm; it forgets us in 30 minutes"
        click.echo(said, err=True)
    asyncio.run(departure.tear_down(options, settings, click.echo))
    if wipe:
        for name in departure.wipe(state_dir):
            click.echo(f"removed {name}")
    click.echo("this node has left the mesh")
