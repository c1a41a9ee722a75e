"""``kubespanctl lab``: a whole world of nodes on this machine."""

import json
import os
import shutil
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

import click

from kubespan.lab.build import UNWINDING, lab_names, remove_lab
from kubespan.lab.convergence import Convergence
from kubespan.lab.demo import NAME as DEMO
from kubespan.lab.demo import UP_TIMEOUT_S, Demo, render_checks
from kubespan.lab.errors import LabError
from kubespan.lab.lab import Lab
from kubespan.lab.place import environment
from kubespan.lab.programs import refuse_without_root
from kubespan.lab.status import NodeStatus, lab_status, render_status
from kubespan.lab.topology import DISCOVERY, GATEWAYS_MAX, NODES_MAX, LabSpec

LOG_LINES = 100
CLEAR_LINE = "\r\x1b[K"


class LabGroup(click.Group):
    """Commands that clean up what they began when they are ended from outside."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        with _unwinding():
            return super().invoke(ctx)


class Terminal:
    """Shows progress on one line of a terminal, or as lines in a file or pipe."""

    def __init__(self) -> None:
        self._live = sys.stderr.isatty()
        self._last = ""

    def say(self, text: str) -> None:
        """Show lines that stay."""
        if self._live and self._last:
            click.echo(CLEAR_LINE, nl=False, err=True)
            self._last = ""
        click.echo(text)

    def progress(self, text: str) -> None:
        """Replace the line shown last; without a terminal, add one for each stage."""
        if self._live:
            # a line that wraps could not be replaced
            shown = text[: shutil.get_terminal_size().columns - 1]
            click.echo(f"{CLEAR_LINE}{shown}", nl=False, err=True)
        elif _stage(text) != _stage(self._last):
            click.echo(text, err=True)
        self._last = text

    def show_convergence(self, state: Convergence) -> None:
        """Show how far the mesh is."""
        self.progress(str(state))


@click.group(cls=LabGroup)
def lab() -> None:
    """Build, watch and remove a mesh of namespaces on this machine.

    One discovery service, NAT gateways and nodes with the real daemon, each in network
    namespaces named kslab-…; nothing outside of them is touched. Needs root.
    """


name_option = click.option(
    "--name", metavar="NAME", help="Which lab; may be left out when there is only one."
)
wireguard_option = click.option(
    "--wireguard",
    type=click.Choice(["auto", "kernel", "userspace"]),
    default="auto",
    show_default=True,
    help="Which WireGuard the nodes use.",
)


@lab.command()
@click.option("--name", default="lab", show_default=True, help="Name of the new lab.")
@click.option(
    "--nodes", type=click.IntRange(1, NODES_MAX), default=4, show_default=True
)
@click.option(
    "--nat",
    type=click.IntRange(0, NODES_MAX),
    default=1,
    show_default=True,
    help="How many of the nodes stand behind NAT.",
)
@click.option(
    "--gateways",
    type=click.IntRange(1, GATEWAYS_MAX),
    default=1,
    show_default=True,
    help="How many NAT gateways they are spread over.",
)
@click.option("--ipv6", is_flag=True, help="Give public nodes an IPv6 address, too.")
@wireguard_option
@click.option("--replace", is_flag=True, help="Remove a running lab of that name.")
@click.option("--wait/--no-wait", default=True, help="Wait until every pair is up.")
def create(**options: Any) -> None:
    """Build a lab and start its daemons.

    Nodes behind different gateways meet only while each has its gateway to itself: a
    second node behind one gets another port there, which nobody knows of.
    """
    wait, replace = options.pop("wait"), options.pop("replace")
    try:
        spec = LabSpec(**options)
    except LabError as error:
        raise click.UsageError(str(error)) from error
    terminal = Terminal()
    made = Lab.create(spec, replace_running=replace, say=terminal.say)
    terminal.say(_how_to_look(made.name))
    if wait:
        _wait_until_up(made, terminal)


@lab.command()
@name_option
@click.option(
    "-o",
    "--output",
    type=click.Choice(["table", "json"]),
    default="table",
    show_default=True,
)
def status(name: str | None, output: str) -> None:
    """Show the nodes of the labs of this machine."""
    refuse_without_root()
    rows: list[NodeStatus] = []
    for each in [name] if name else lab_names():
        rows += lab_status(each)
    if output == "json":
        click.echo(json.dumps([row.as_json() for row in rows], indent=2))
    else:
        click.echo(render_status(rows) if rows else "no lab: kubespanctl lab create")


@lab.command(context_settings={"ignore_unknown_options": True})
@name_option
@click.argument("place")
@click.argument("command", nargs=-1, type=click.UNPROCESSED)
def shell(name: str | None, place: str, command: tuple[str, ...]) -> NoReturn:
    """Run COMMAND, or a shell, in a namespace: node-1, node-1-pod, nat1, internet.

    Network, processes, host name and /run are the namespace's own; files elsewhere,
    such as those in /etc, are this machine's.
    """
    found = _chosen(name).place(place)
    words = list(command) or [os.environ.get("SHELL", "/bin/sh")]
    arguments = found.command(words)
    os.execvpe(arguments[0], arguments, environment())  # noqa: S606 - a shell is what was asked for


@lab.command()
@name_option
@click.option(
    "--nat", type=click.IntRange(0, GATEWAYS_MAX), default=0, help="Behind gateway NAT."
)
def join(name: str | None, nat: int) -> None:
    """Add a node and start its daemon while the others run."""
    chosen, terminal = _chosen(name), Terminal()
    node = chosen.join(nat)
    terminal.say(f"{node.name} joins lab {chosen.name!r} at {node.plan.address}")
    _wait_until_up(chosen, terminal)


@lab.command()
@name_option
@click.argument("nodes", nargs=-1, required=True, metavar="NODE...")
def stop(name: str | None, nodes: tuple[str, ...]) -> None:
    """End the daemon of a NODE (or the discovery service); its mesh stays."""
    chosen = _chosen(name)
    for node in nodes:
        chosen.stop_one(node)
        click.echo(f"{node}: stopped")


@lab.command()
@name_option
@click.argument("nodes", nargs=-1, required=True, metavar="NODE...")
def start(name: str | None, nodes: tuple[str, ...]) -> None:
    """Start the daemon of a NODE (or the discovery service) again."""
    chosen = _chosen(name)
    for node in nodes:
        chosen.start_one(node)
        click.echo(f"{node}: started")


@lab.command()
@name_option
@click.argument("node")
@click.option("-f", "--follow", is_flag=True, help="Go on as lines are added.")
def logs(name: str | None, node: str, follow: bool) -> NoReturn:
    """Show what the daemon of a NODE (or the discovery service) wrote."""
    chosen = _chosen(name)
    service = node == DISCOVERY
    file = chosen.discovery.log if service else chosen.node(node).files.log
    options = ["-n", str(LOG_LINES), *(["-F"] if follow else [])]
    os.execvp("tail", ["tail", *options, str(file)])  # noqa: S606 - tail follows better


@lab.command()
@name_option
@click.option("--all", "every", is_flag=True, help="Every lab of this machine.")
def destroy(name: str | None, every: bool) -> None:
    """Remove a lab and whatever a killed one left."""
    refuse_without_root()
    found = lab_names()
    chosen = found if every or not found else [name or _only_lab()]
    removed = [each for each in chosen if remove_lab(each)]
    for each in removed:
        click.echo(f"removed lab {each!r}")
    if not removed:
        click.echo("nothing to remove")


@lab.command()
@click.option("--keep", is_flag=True, help="Leave the lab running afterwards.")
@click.option("--name", default=DEMO, show_default=True, help="Name of the lab.")
@wireguard_option
def demo(keep: bool, name: str, wireguard: str) -> None:
    """Show a real mesh: four nodes, one behind NAT, one joining late."""
    terminal = Terminal()
    shown = Demo(terminal, name, wireguard)
    try:
        holds = shown.run(keep=keep)
    finally:
        if shown.checks:
            terminal.say(f"\n{render_checks(shown.checks)}")
        if keep and name in lab_names():
            terminal.say(f"\n{_how_to_look(name)}")
    if not holds:
        raise LabError("not everything held")


def _wait_until_up(chosen: Lab, terminal: Terminal) -> None:
    took_s = chosen.wait_until_up(UP_TIMEOUT_S, terminal.show_convergence)
    terminal.say(f"every pair is up after {took_s:.1f} s")


def _stage(text: str) -> str:
    """Return what a line of progress says before its details."""
    return text.partition(",")[0].partition(":")[0]


def _how_to_look(name: str) -> str:
    option = f"--name {name}"
    program = "kubespanctl"
    if shutil.which(program) is None and Path(sys.argv[0]).name == program:
        program = sys.argv[0]
    return "\n".join(
        [
            f"lab {name!r} runs; look around with",
            f"  {program} lab status {option}",
            f"  {program} lab shell {option} node-1 -- kubespanctl peers",
            f"  {program} lab shell {option} node-1",
            f"  {program} lab logs {option} node-1 -f",
            f"  {program} lab join {option}",
            f"  {program} lab destroy {option}",
        ]
    )


def _chosen(name: str | None) -> Lab:
    refuse_without_root()
    return Lab.load(name or _only_lab())


def _only_lab() -> str:
    names = lab_names()
    if not names:
        raise LabError("no lab on this machine: kubespanctl lab create")
    if len(names) > 1:
        raise LabError(f"several labs, choose with --name: {', '.join(names)}")
    return names[0]


@contextmanager
def _unwinding() -> Iterator[None]:
    """End on signals as on an error, so that what was begun is cleaned up."""
    before = {number: signal.getsignal(number) for number in UNWINDING}
    for number in UNWINDING[1:]:  # SIGINT raises KeyboardInterrupt already
        signal.signal(number, _exit_on_signal)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _exit_on_signal(number: int, _frame: FrameType | None) -> NoReturn:
    raise SystemExit(128 + number)
