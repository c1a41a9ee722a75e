"""What is to be measured, from arguments; pure."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench.discovery.servers import SERVERS, USUAL
from bench.discovery.shape import RATE_PER_S, SHAPES, STANDARD, Shape
from bench.discovery.target import Target, address_from_text

ROUNDS: Final = 3
QUIET_S: Final = 1.5
FORMATS: Final = ("markdown", "json")

_QUIET_HELP = f"how long nothing arrives when a phase is over (default {QUIET_S:g})"


@dataclass(frozen=True, slots=True)
class Plan:
    """What to measure.

    Attributes:
        targets: servers that run already; empty: start ``servers``.
        servers: keys of ``SERVERS``.
        flags: for ours, in addition.
        shapes: one load each.
        rounds: of each server and shape.
        quiet_s: a phase is over when nothing has arrived for so long.
        processes: that receive.
        idle: how many watchers do nothing, one measurement each; may be empty.
        spoofed: whether affiliates claim an address of their own.
        output: one of ``FORMATS``.
        json_path: where to write everything, too.
    """

    targets: tuple[Target, ...]
    servers: tuple[str, ...]
    flags: tuple[str, ...]
    shapes: tuple[Shape, ...]
    rounds: int
    quiet_s: float
    processes: int
    idle: tuple[int, ...]
    spoofed: bool
    output: str
    json_path: Path | None


def plan_from_arguments(arguments: Sequence[str], description: str) -> Plan:
    """Parse arguments.

    Raises:
        SystemExit: after ``--help``, or with 2 for wrong ones.
    """
    parser = _parser(description)
    given = parser.parse_args(arguments)
    if len(given.address) != len(given.pid):
        parser.error("give as many --pid as --address")
    try:
        return Plan(
            targets=_targets(given),
            servers=tuple(given.server or USUAL),
            flags=tuple(given.flag),
            shapes=_shapes(given),
            rounds=given.rounds,
            quiet_s=given.quiet,
            processes=given.processes,
            idle=tuple(given.idle),
            spoofed=given.x_real_ip,
            output="markdown" if given.markdown else given.output,
            json_path=given.json,
        )
    except ValueError as error:
        parser.error(str(error))


def _targets(given: argparse.Namespace) -> tuple[Target, ...]:
    names = [*given.name, *given.address[len(given.name) :]]
    each = zip(names, given.address, given.pid, strict=False)
    return tuple(Target(name, address_from_text(at), pid) for name, at, pid in each)


def _shapes(given: argparse.Namespace) -> tuple[Shape, ...]:
    """The shapes that were spelled out, or the one made of parts, or the usual ones."""
    if given.shape:
        return tuple(shape for text in given.shape for shape in _shapes_of(text))
    parts = (given.clusters, given.affiliates, given.watchers, given.rate)
    if all(part is None for part in parts):
        return () if given.idle else STANDARD
    affiliates = given.affiliates or given.watchers or 500
    return (
        Shape(
            given.clusters or 1,
            affiliates,
            given.watchers or affiliates,
            given.rate or RATE_PER_S,
        ),
    )


def _shapes_of(text: str) -> tuple[Shape, ...]:
    return STANDARD if text == "standard" else (Shape.from_text(text),)


def _parser(description: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m bench.discovery", description=description
    )
    add = parser.add_argument
    _add_servers(parser)
    _add_loads(parser)
    add("--rounds", type=int, default=ROUNDS, help=f"(default {ROUNDS})")
    add("--quiet", type=float, default=QUIET_S, metavar="SECONDS", help=_QUIET_HELP)
    add("--processes", type=int, default=1, help="that receive (default 1)")
    add("-o", "--output", choices=FORMATS, default="markdown")
    add("--markdown", action="store_true", help="the same as -o markdown")
    add("--json", type=Path, metavar="FILE", help="write the numbers here, too")
    return parser


def _add_loads(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add(
        "--shape",
        action="append",
        default=[],
        metavar="[CLUSTERSx]AFFILIATESxWATCHERS[@RATE]",
        help=f"a load, or 'standard': {', '.join(SHAPES)} (default: standard, or none "
        "beside --idle); repeat for more",
    )
    add("--clusters", type=int, metavar="N", help="instead: default 1")
    add("--affiliates", type=int, metavar="N", help="of each cluster (default 500)")
    add("--watchers", type=int, metavar="N", help="of each cluster (as affiliates)")
    add("--rate", type=float, metavar="N", help="updates a second (default 100)")
    add(
        "--idle",
        type=int,
        nargs="+",
        default=[],
        metavar="N",
        help="what so many watchers cost that do nothing; one measurement each",
    )


def _add_servers(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add(
        "--address",
        action="append",
        default=[],
        metavar="HOST:PORT",
        help="a server that runs on this machine, without TLS; repeat to compare",
    )
    add("--pid", action="append", default=[], type=int, help="its process; one each")
    add("--name", action="append", default=[], help="its name in the table")
    add(
        "--server",
        action="append",
        choices=list(SERVERS),
        help=f"start this one; repeat to compare (default {', '.join(USUAL)})",
    )
    add(
        "--flag",
        action="append",
        default=[],
        metavar="--FLAG=VALUE",
        help="for our server, such as --flag=--fan-out-delay=20ms",
    )
    add(
        "--x-real-ip",
        action="store_true",
        help="every affiliate claims its own address in this header: for servers whose "
        "rate limit cannot be changed and that believe it",
    )
