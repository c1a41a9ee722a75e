"""Flags and environment, read once into ``Settings``.

One dash or two; ``--flag=false`` for what is true by default.
"""

import argparse
import difflib
import re
from collections.abc import Callable, Mapping, Sequence
from typing import NoReturn

from discovery.settings.flags import FLAGS, GROUPS, Flag
from discovery.settings.settings import Settings
from discovery.settings.values import parse_truth

PROGRAM = "kubespan-discovery"
ENVIRONMENT_PREFIX = "KUBESPAN_DISCOVERY_"
EXIT_USAGE = 2

_SINGLE_DASH = re.compile(r"^-(?=[a-z]{2})")
# What must be given together or not at all; the second may need the first alone.
_PAIRS = (
    ("certificate-path", "key-path"),
    ("etcd-certificate-path", "etcd-key-path"),
)
_NEEDS = (
    ("client-ca-path", "certificate-path"),
    ("landing-tls", "certificate-path"),
    ("etcd-certificate-path", "etcd-ca-path"),
)


def parse_settings(
    arguments: Sequence[str], environment: Mapping[str, str], version: str
) -> Settings:
    """Return the settings; a flag wins over the environment, that over the default.

    ``MODE=dev`` in the environment is ``--debug``, as for the reference.

    Raises:
        SystemExit: with 0 after ``--help`` or ``--version``; with 2 after one line on
            standard error that says what is wrong.
    """
    parser = _parser(version)
    from_environment = _arguments_from_environment(environment)
    with_two_dashes = [_SINGLE_DASH.sub("--", argument) for argument in arguments]
    values = vars(parser.parse_args([*from_environment, *with_two_dashes]))
    if values.pop("debug") or environment.get("MODE") == "dev":
        values |= {"log_level": "debug", "log_format": "text"}
    _refuse_what_does_not_fit(parser, values)
    return Settings(**values)


def _refuse_what_does_not_fit(parser: "_Parser", values: Mapping[str, object]) -> None:
    given = {flag.name for flag in FLAGS if flag.field and values[flag.field]}
    for one, other in _PAIRS:
        if (one in given) != (other in given):
            parser.error(f"{one} and {other} belong together: give both or none")
    for one, other in _NEEDS:
        if one in given and other not in given:
            parser.error(f"{one} needs {other}")


def _parser(version: str) -> "_Parser":
    parser = _Parser(
        prog=PROGRAM,
        allow_abbrev=False,
        usage=f"{PROGRAM} [--flag=value ...]\n"
        f"       {PROGRAM} snapshot dump|check [FILE]",
        description="Serves the discovery API: the nodes of a cluster publish sealed "
        "records and find each other. Keeps them and cannot read them.",
        epilog="One dash or two. Every flag can also be given in the environment, such "
        f"as {ENVIRONMENT_PREFIX}GC_INTERVAL=30s; the flag wins. Exit status: 0 after "
        "SIGTERM or SIGINT, 1 cannot serve or could not save the last snapshot, 2 "
        "wrong flags.",
    )
    for group in GROUPS:
        section = parser.add_argument_group(group.title)
        for flag in group.flags:
            _add_flag(section, flag)
    parser.add_argument("--version", action="version", version=f"{PROGRAM} {version}")
    return parser


def _add_flag(section: "argparse._ArgumentGroup", flag: Flag) -> None:
    is_truth = flag.parse is parse_truth
    section.add_argument(
        f"--{flag.name}",
        dest=flag.field or flag.name,
        default=getattr(Settings(), flag.field) if flag.field else False,
        type=_telling_why(flag.parse),
        choices=flag.choices,
        nargs="?" if is_truth else None,
        const=True if is_truth else None,
        metavar=flag.metavar,
        help=flag.help,
    )


def _telling_why(parse: Callable[[str], object]) -> Callable[[str], object]:
    """Let argparse show the reason a parser gives, and nothing of its own."""

    def parse_or_tell(text: str) -> object:
        try:
            return parse(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from error

    return parse_or_tell


def _arguments_from_environment(environment: Mapping[str, str]) -> list[str]:
    names = [flag.name for flag in FLAGS]
    given = ((name, environment.get(_variable(name), "")) for name in names)
    return [f"--{name}={value}" for name, value in given if value]


def _variable(flag: str) -> str:
    return ENVIRONMENT_PREFIX + flag.upper().replace("-", "_")


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one line, with the nearest flag for an unknown one."""

    def error(self, message: str) -> NoReturn:
        unknown = message.removeprefix("unrecognized arguments: ")
        if unknown != message:
            name = unknown.split()[0].lstrip("-").split("=")[0]
            near = difflib.get_close_matches(name, [flag.name for flag in FLAGS], n=1)
            hint = f"; did you mean --{near[0]}?" if near else ""
            message = f"unknown flag {unknown.split()[0]}{hint}"
        message = message.removeprefix("argument ")
        self.exit(EXIT_USAGE, f"{PROGRAM}: {message} (see --help)\n")
