"""The two programs: ``kubespan`` on the node, ``kubespanctl`` for the operator."""

import importlib
import os
import sys
from pathlib import Path
from typing import Any

import click

from kubespan import __version__
from kubespan.errors import ConfigError, KubeSpanError

DEFAULT_SOCKET = "/run/kubespan/kubespan.sock"
EXIT_FAILED = 1
# gRPC's core writes lines of its own to standard error; what matters of them we say
os.environ.setdefault("GRPC_VERBOSITY", "NONE")
EXIT_UNREACHABLE = 3


class LazyGroup(click.Group):
    """Commands that are imported when they are used, so that the rest starts fast.

    Args:
        lazy: ``module:attribute`` by command name, in the order of the help.
    """

    def __init__(self, *args: Any, lazy: dict[str, str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._lazy = lazy

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return all names, in the order they were given."""
        return [*self._lazy, *super().list_commands(ctx)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command."""
        if cmd_name not in self._lazy:
            return super().get_command(ctx, cmd_name)
        module, _, attribute = self._lazy[cmd_name].partition(":")
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command

    def invoke(self, ctx: click.Context) -> Any:
        """Turn what we raise on purpose into one line and an exit status."""
        try:
            return super().invoke(ctx)
        except ConfigError as error:
            for problem in error.problems:
                click.echo(problem, err=True)
            ctx.exit(EXIT_FAILED)
        except KubeSpanError as error:
            click.echo(f"{ctx.info_name}: {error}", err=True)
            unreachable = type(error).__name__ == "DaemonUnreachableError"
            ctx.exit(EXIT_UNREACHABLE if unreachable else EXIT_FAILED)
        except BrokenPipeError:
            # the reader of a pipe left: nobody is interested in the rest
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            ctx.exit(EXIT_FAILED)


_COMMANDS = "kubespan.cli.commands"


@click.group(
    cls=LazyGroup,
    lazy={
        "run": f"{_COMMANDS}.run:run",
        "check": f"{_COMMANDS}.check:check",
        "gen": f"{_COMMANDS}.gen:gen",
        "down": f"{_COMMANDS}.down:down",
        "reset": f"{_COMMANDS}.reset:reset",
        "graph": f"{_COMMANDS}.graph:graph",
    },
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(__version__, prog_name="kubespan")
def kubespan() -> None:
    """An encrypted WireGuard mesh between all nodes of a cluster.

    Interoperates with KubeSpan of Talos Linux. Start with `kubespan gen secrets` and
    `kubespan gen config`, then `kubespan run --config FILE` on every node.
    """


@click.group(
    cls=LazyGroup,
    lazy={
        "peers": f"{_COMMANDS}.peers:peers",
        "status": f"{_COMMANDS}.status:status",
        "members": f"{_COMMANDS}.get:members",
        "affiliates": f"{_COMMANDS}.get:affiliates",
        "endpoints": f"{_COMMANDS}.get:endpoints",
        "identity": f"{_COMMANDS}.get:identity",
        "get": f"{_COMMANDS}.get:get",
        "types": f"{_COMMANDS}.get:types",
        "discovery": f"{_COMMANDS}.discovery:discovery",
        "lab": f"{_COMMANDS}.lab:lab",
    },
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.option(
    "--socket",
    type=click.Path(path_type=Path, readable=False),
    default=DEFAULT_SOCKET,
    envvar="KUBESPAN_SOCKET",
    show_default=True,
    show_envvar=True,
    help="The daemon's unix socket.",
)
@click.version_option(__version__, prog_name="kubespanctl")
@click.pass_context
def kubespanctl(ctx: click.Context, socket: Path) -> None:
    """Ask the KubeSpan daemon of this node.

    Exit status: 0 done, 1 failed, 2 wrong usage, 3 daemon unreachable.
    """
    ctx.obj = socket


if __name__ == "__main__":
    kubespanctl()
