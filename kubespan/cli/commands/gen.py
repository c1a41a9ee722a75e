"""``kubespan gen``: a new cluster's secrets, a node's configuration, a Talos patch."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from kubespan.model.config import DiscoverySettings

_FILE = click.Path(path_type=Path, dir_okay=False)


@click.group()
def gen() -> None:
    """Make a new cluster's secrets and its nodes' configurations."""


@gen.command("secrets")
@click.option("-o", "--output", type=_FILE, help="Write here, mode 0600; else stdout.")
@click.option("--force", is_flag=True, help="Replace the file if it exists.")
@click.option(
    "--from-talos",
    type=_FILE,
    help="Take the identity of a Talos cluster from a machine configuration or from "
    "what `talosctl gen secrets` wrote.",
)
def secrets(output: Path | None, from_talos: Path | None, *, force: bool) -> None:
    """Make a cluster's ID and secret, or take those of a Talos cluster."""
    from kubespan.config.generate import secrets_text

    _write(secrets_text(_identity(from_talos)), output, force=force)


@gen.command("config")
@click.option(
    "--secrets",
    "secrets_file",
    type=_FILE,
    help="From `kubespan gen secrets`, or any Talos file with the cluster's identity; "
    "without it a new cluster is made.",
)
@click.option(
    "--discovery",
    multiple=True,
    metavar="URL",
    help="A discovery service; may be given several times.",
)
@click.option("--name", default="", help="Host name of the node; default: the host's.")
@click.option(
    "--advertise",
    multiple=True,
    metavar="CIDR",
    help="A network behind the node; may be given several times.",
)
@click.option(
    "--machine-type",
    type=click.Choice(["worker", "controlplane"]),
    default="worker",
    show_default=True,
    help="Role in the cluster; controlplane only with a Kubernetes API server.",
)
@click.option(
    "--talos-patch",
    is_flag=True,
    help="Print what the Talos nodes of the cluster need instead.",
)
@click.option("-o", "--output", type=_FILE, help="Write here, mode 0600; else stdout.")
@click.option("--force", is_flag=True, help="Replace the file if it exists.")
def config(  # noqa: PLR0913 - click hands over one argument per option
    *,
    secrets_file: Path | None,
    discovery: tuple[str, ...],
    name: str,
    advertise: tuple[str, ...],
    machine_type: str,
    talos_patch: bool,
    output: Path | None,
    force: bool,
) -> None:
    """Make a node's configuration, ready for `kubespan run`."""
    from kubespan.config import generate
    from kubespan.config.parse import parse_config

    wishes = generate.NodeWishes(discovery, name, advertise, machine_type)
    identity = _identity(secrets_file)
    text = generate.config_text(identity, wishes)
    # whatever the options said, nothing is handed out that `kubespan run` refuses
    parse_config(text, "generated configuration")
    if talos_patch:
        text = generate.talos_patch_text(discovery)
    elif secrets_file is None:
        click.echo(
            "a new cluster identity was made; for further nodes of the same cluster: "
            "kubespan gen config --secrets FILE, where FILE is this configuration",
            err=True,
        )
    _write(text, output, force=force)


def _identity(source: Path | None) -> "DiscoverySettings":
    """Return the identity a file carries, or a new one."""
    from kubespan.config.cluster_identity import (
        read_cluster_identity,
    )
    from kubespan.config.generate import new_identity
    from kubespan.drivers.config_file import read_config_text
    from kubespan.drivers.entropy import SystemEntropy

    if source is None:
        return new_identity(SystemEntropy().random_bytes(64))
    return read_cluster_identity(read_config_text(source), str(source))


def _write(text: str, output: Path | None, *, force: bool) -> None:
    from kubespan.drivers.atomic_file import (
        create_file,
        replace_file,
    )

    if output is None:
        click.echo(text, nl=False)
        return
    (replace_file if force else create_file)(output, text.encode())
    click.echo(f"wrote {output}", err=True)
