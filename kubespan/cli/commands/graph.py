"""``kubespan graph``: the wiring as tables."""

import click


@click.command()
def graph() -> None:
    """Print what is observed, decided and done, and what reads what."""
    from kubespan import daemon

    click.echo(daemon.draw_wiring(), nl=False)
