"""Options that say where a daemon keeps what it keeps."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

DEFAULT_SOCKET = Path("/run/kubespan/kubespan.sock")
DEFAULT_STATE_DIR = Path("/var/lib/kubespan")

Function = Callable[..., Any]


def config_option(*, required: bool) -> Callable[[Function], Function]:
    """Return ``--config``."""
    return click.option(
        "-c",
        "--config",
        type=click.Path(path_type=Path, readable=False),
        required=required,
        envvar="KUBESPAN_CONFIG",
        show_envvar=True,
        help="The machine configuration: YAML documents.",
    )


def state_option(function: Function) -> Function:
    """Add ``--state-dir``."""
    return click.option(
        "--state-dir",
        type=click.Path(path_type=Path, readable=False),
        default=DEFAULT_STATE_DIR,
        show_default=True,
        envvar="KUBESPAN_STATE_DIR",
        show_envvar=True,
        help="Where identities and caches are kept; for one daemon alone.",
    )(function)


def socket_option(function: Function) -> Function:
    """Add ``--socket``."""
    return click.option(
        "--socket",
        type=click.Path(path_type=Path, readable=False),
        default=DEFAULT_SOCKET,
        show_default=True,
        envvar="KUBESPAN_SOCKET",
        show_envvar=True,
        help="The daemon's unix socket.",
    )(function)
