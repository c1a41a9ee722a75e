"""``kubespan run``: the daemon in the foreground."""

import asyncio
import json
import logging
import os
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import click

from kubespan.cli.places import config_option, socket_option, state_option
from kubespan.model.constants import DISCOVERY_TTL_S

LEVELS = ("debug", "info", "warning", "error")


class JsonFormatter(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        """Return time, level, logger and message."""
        line = {
            "time": self.formatTime(record, "%Y-%m-%dT%H:%M:%S%z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


@click.command()
@config_option(required=True)
@state_option
@socket_option
@click.option(
    "--discovery-ttl",
    type=click.FloatRange(4, DISCOVERY_TTL_S),
    default=DISCOVERY_TTL_S,
    show_default=True,
    envvar="KUBESPAN_DISCOVERY_TTL",
    show_envvar=True,
    help="Seconds that discovery services keep this node without a refresh.",
)
@click.option(
    "--log-level",
    type=click.Choice(LEVELS),
    default="info",
    show_default=True,
    envvar="KUBESPAN_LOG_LEVEL",
    show_envvar=True,
    help="Least important message to log.",
)
@click.option(
    "--log-format",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    envvar="KUBESPAN_LOG_FORMAT",
    show_envvar=True,
    help="How to write the log, to standard error.",
)
def run(
    config: Path,
    state_dir: Path,
    socket: Path,
    discovery_ttl: float,
    log_level: str,
    log_format: str,
) -> None:
    """Join the mesh and keep this node in it, in the foreground.

    Takes a Talos machine configuration: the v1alpha1 document, the newer documents, or
    both; sections that are not KubeSpan's are ignored.

    SIGHUP or a changed file reloads the configuration; one that does not validate
    changes nothing. SIGTERM stops the daemon and leaves the mesh working, so that a
    restart or an upgrade loses no packet. `kubespan down` removes it.
    """
    from kubespan import daemon

    _log_to_stderr(log_level, log_format)
    options = daemon.Options(config, state_dir, socket, discovery_ttl)
    asyncio.run(_run_and_end(daemon.run(options)))


async def _run_and_end(running: Coroutine[Any, Any, None]) -> None:
    """Wait for an orderly end, then end at once.

    A host name that is being looked up cannot be given up, and would hold the process
    for as long as a name server stays silent.
    """
    await running
    logging.shutdown()
    os._exit(0)


def _log_to_stderr(level: str, form: str) -> None:
    handler = logging.StreamHandler(sys.stderr)
    text = "%(asctime)s %(levelname)s %(name)s: %(message)s"
    handler.setFormatter(JsonFormatter() if form == "json" else logging.Formatter(text))
    logging.basicConfig(level=level.upper(), handlers=[handler])
