"""``kubespan down``: remove everything the daemon ever put into the host."""

import asyncio
from pathlib import Path

import click

from kubespan.cli.places import config_option, state_option


@click.command()
@config_option(required=False)
@state_option
def down(config: Path | None, state_dir: Path) -> None:
    """Remove link, addresses, routes, rules, firewall table and changed switches.

    The daemon must have been stopped. Identity and keys are kept; other nodes forget
    this one after half an hour (`kubespan reset` tells them at once). What to remove is
    remembered in the state directory; a table that --config names goes as well.
    """
    from kubespan import daemon, departure
    from kubespan.drivers.config_file import load_config
    from kubespan.model.config import Config

    settings = load_config(config) if config else Config()
    options = daemon.Options(config or Path(), state_dir, Path())
    asyncio.run(departure.tear_down(options, settings, click.echo))
    click.echo("nothing of ours is left in this host")
