"""``kubespanctl discovery``: what a discovery service answers, without a daemon."""

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kubespan.cli.places import config_option

if TYPE_CHECKING:
    from kubespan.cli.discovery_records import Opener
    from kubespan.drivers.discovery.inquiry import Inquirer
    from kubespan.model.config import Config, DiscoveryService

Function = Callable[..., Any]
GREETED_CLUSTER = "kubespanctl"
"""The cluster named in a greeting where none is given; a greeting makes no cluster."""


@click.group()
def discovery() -> None:
    """Ask a discovery service itself; no daemon is needed.

    Of one service with --endpoint, or of all in a configuration with --config. With a
    configuration records are shown opened, with its cluster's secret; otherwise sealed,
    as the service sees them.
    """


def asking(function: Function) -> Function:
    """Add the options that say whom to ask, about which cluster."""
    for option in (
        click.option(
            "--token",
            metavar="TEXT",
            envvar="KUBESPAN_DISCOVERY_TOKEN",
            show_envvar=True,
            default="",
            help="Show this with every call, to a service that wants a token.",
        ),
        click.option(
            "--certificate-file",
            type=click.Path(path_type=Path, dir_okay=False),
            help="PEM certificate and key to show, to a service that wants one.",
        ),
        click.option(
            "--insecure",
            is_flag=True,
            help="Trust whatever certificate the service shows.",
        ),
        click.option(
            "--ca-file",
            type=click.Path(path_type=Path, dir_okay=False),
            help="PEM certificates to trust instead of the system's.",
        ),
        click.option("--cluster-id", default="", help="Default: the configuration's."),
        config_option(required=False),
        click.option(
            "--endpoint",
            metavar="URL",
            default="",
            help="https://HOST[:PORT], or http:// without TLS; default: every service"
            " of the configuration.",
        ),
    ):
        function = option(function)
    return function


def output_option(function: Function) -> Function:
    """Add ``--output``."""
    return click.option(
        "-o",
        "--output",
        type=click.Choice(["table", "json", "yaml"]),
        default="table",
        show_default=True,
        help="How to print.",
    )(function)


@discovery.command()
@asking
@output_option
@click.pass_context
def hello(ctx: click.Context, /, output: str, **options: Any) -> None:
    """Greet: this host's address as seen from there, redirect, round trip."""
    from kubespan.cli.discovery_questions import ask_each, show_greetings

    asked = _asked(options, default_cluster=GREETED_CLUSTER)
    answers = ask_each(asked.inquirers, lambda inquirer: inquirer.greet())
    show_greetings(answers, output)
    ctx.exit(answers.exit_status)


@discovery.command("list")
@asking
@output_option
@click.pass_context
def list_(ctx: click.Context, /, output: str, **options: Any) -> None:
    """List the affiliates of a cluster."""
    from kubespan.cli.discovery_questions import ask_each, show_records

    asked = _asked(options)
    answers = ask_each(asked.inquirers, lambda inquirer: inquirer.list_all())
    show_records(answers, asked.opener, output)
    ctx.exit(answers.exit_status)


@discovery.command()
@asking
@output_option
@click.pass_context
def watch(ctx: click.Context, /, output: str, **options: Any) -> None:
    """Print the affiliates of a cluster, then every change, until interrupted.

    One line each: + new, ~ changed, - gone.
    """
    from kubespan.cli.discovery_questions import follow_each

    asked = _asked(options)
    try:
        follow_each(asked.inquirers, asked.opener, output)
    except KeyboardInterrupt:
        return
    ctx.exit(1)  # every watch ended, which no operator asked for


@dataclass(frozen=True, slots=True)
class _Asked:
    """What the options said: whom to ask, and how to open what they answer."""

    inquirers: "dict[str, Inquirer]"
    opener: "Opener | None" = field(repr=False)


def _asked(options: dict[str, Any], default_cluster: str = "") -> _Asked:
    from kubespan import __version__
    from kubespan.drivers.clock import SystemClock
    from kubespan.drivers.discovery.inquiry import Inquirer, Inquiry

    config = _config(options["config"])
    token = _checked_token(options["token"])
    cluster_id = options["cluster_id"] or (
        config.discovery.cluster_id if config else ""
    )
    if not (cluster_id := cluster_id or default_cluster):
        raise click.UsageError("which cluster? Give --cluster-id, or --config")
    inquirers = {
        service.name: Inquirer(
            Inquiry(service, cluster_id, token, options["insecure"]),
            os.environ,
            SystemClock(),
            f"v{__version__}",
        )
        for service in _services(options, config)
    }
    return _Asked(inquirers, _opener(config))


def _config(path: Path | None) -> "Config | None":
    from kubespan.drivers.config_file import load_config

    return load_config(path) if path else None


def _services(
    options: dict[str, Any], config: "Config | None"
) -> "list[DiscoveryService]":
    """Return whom to ask.

    Raises:
        UsageError: nobody is named.
        ControlError: the configuration names nobody.
    """
    from dataclasses import replace

    from kubespan.errors import ControlError

    configured = list(config.discovery.services) if config else []
    if options["endpoint"]:
        services = [_service_at(options["endpoint"], configured)]
    elif config is None:
        raise click.UsageError("which service? Give --endpoint URL, or --config FILE")
    elif not configured:
        said = f"{options['config']}: no discovery service is configured"
        raise ControlError(f"{said}; give --endpoint URL")
    else:
        services = configured
    return [
        replace(
            one,
            ca_file=str(options["ca_file"] or one.ca_file),
            certificate_file=str(options["certificate_file"] or one.certificate_file),
        )
        for one in services
    ]


def _service_at(url: str, configured: "list[DiscoveryService]") -> "DiscoveryService":
    """Return the service at a URL; a configured one with what is known of it."""
    from kubespan.config.service_url import parse_service_url
    from kubespan.model.config import DiscoveryService

    try:
        address = parse_service_url(url)
    except ValueError as error:
        raise click.BadParameter(
            f"{error}; an endpoint is like https://discovery.example/ or"
            " http://192.0.2.10:3000",
            param_hint="--endpoint",
        ) from error
    place = (address.endpoint, address.plaintext)
    for one in configured:
        if (one.endpoint, one.plaintext) == place:
            return one
    return DiscoveryService(address.endpoint, *place)


def _checked_token(token: str) -> str:
    from kubespan.drivers.discovery.credentials import is_token

    if token and not is_token(token):
        said = "must be one word of printable ASCII"
        raise click.BadParameter(said, param_hint="--token")
    return token


def _opener(config: "Config | None") -> "Opener | None":
    from kubespan.drivers.discovery.seals import DiscoverySeals

    if config is None or config.discovery.cluster_secret is None:
        return None
    return DiscoverySeals(config.discovery.cluster_secret).open
