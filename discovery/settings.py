"""Flags and environment, read once into ``Settings``.

Flags and defaults of the reference service are ours where they exist here
(discovery.md 3.2), with one difference on purpose: no header is trusted by default.
One dash or two; ``--flag=false`` for what is true by default.
"""

import argparse
import difflib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

PROGRAM = "kubespan-discovery"
ENVIRONMENT_PREFIX = "KUBESPAN_DISCOVERY_"
EXIT_USAGE = 2

_SECONDS_BY_UNIT = {
    "h": 3600.0,
    "m": 60.0,
    "s": 1.0,
    "ms": 1e-3,
    "us": 1e-6,
    "µs": 1e-6,
    "ns": 1e-9,
}
_DURATION_PART = re.compile(r"(\d+\.?\d*|\.\d+)(h|ms|us|µs|ns|m|s)", re.ASCII)
_TRUTHS = {"true": True, "t": True, "1": True, "false": False, "f": False, "0": False}

_SINGLE_DASH = re.compile(r"^-(?=[a-z]{2})")
_DECIMAL = re.compile(r"\d+(\.\d*)?", re.ASCII)
INTERVAL_S_MIN = 0.01
RATE_MAX = 1_000_000


@dataclass(frozen=True, slots=True)
class Settings:
    """What the operator wants.

    Attributes:
        addr: ``host:port``; no host is every address, IPv4 and IPv6; port 0 is any.
        gc_interval_s: between two sweeps, at least 0.01.
        redirect_endpoint: ``host:port`` every Hello is sent to; empty: nowhere.
        certificate_path: PEM; given together with ``key_path`` or not at all.
        key_path: PEM, not encrypted.
        trust_x_real_ip: believe that header.
        trust_first_x_forwarded_for: believe the first hop of that header.
        report_client_ip: tell callers their address.
        rate_limit_per_s: calls per second and address; zero: no limit.
        rate_burst: calls an address may make at once, at least 1.
        log_level: ``debug``, ``info``, ``warning`` or ``error``.
        log_format: ``text`` or ``json``.
    """

    addr: str = ":3000"
    gc_interval_s: float = 60.0
    redirect_endpoint: str = ""
    certificate_path: Path | None = None
    key_path: Path | None = None
    trust_x_real_ip: bool = False
    trust_first_x_forwarded_for: bool = False
    report_client_ip: bool = True
    rate_limit_per_s: float = 15.0
    rate_burst: int = 60
    log_level: str = "info"
    log_format: str = "text"


def parse_settings(
    arguments: Sequence[str], environment: Mapping[str, str], version: str
) -> Settings:
    """Return the settings; a flag wins over the environment, that over the default.

    Raises:
        SystemExit: with 0 after ``--help`` or ``--version``; with 2 after one line on
            standard error that says what is wrong.
    """
    parser = _parser(version)
    from_environment = _arguments_from_environment(environment)
    with_two_dashes = [_SINGLE_DASH.sub("--", argument) for argument in arguments]
    values = vars(parser.parse_args([*from_environment, *with_two_dashes]))
    if (values["certificate_path"] is None) != (values["key_path"] is None):
        parser.error("certificate-path and key-path belong together: give both or none")
    return Settings(**values)


def parse_duration(text: str) -> float:
    """Return the seconds of a duration such as ``1m``, ``1h30m`` or ``500ms``.

    Raises:
        ValueError: it is something else.
    """
    parts = _DURATION_PART.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise ValueError(f"{text!r} is not a duration such as 1m or 500ms")
    return sum(float(number) * _SECONDS_BY_UNIT[unit] for number, unit in parts)


def parse_listen_address(text: str) -> str:
    """Return ``host:port`` as given, if it is that.

    Raises:
        ValueError: no port, or one that does not exist.
    """
    host, colon, port = text.rpartition(":")
    bare_ipv6 = ":" in host and not (host.startswith("[") and host.endswith("]"))
    if not colon or bare_ipv6 or not (port.isascii() and port.isdigit()):
        raise ValueError(f"{text!r} is not host:port, [address]:port or :port")
    if int(port) > 0xFFFF:
        raise ValueError(f"{text!r} has no such port")
    return text


def _endpoint(text: str) -> str:
    if text and not parse_listen_address(text).rpartition(":")[0]:
        raise ValueError(f"{text!r} names no host")
    return text


def _interval(text: str) -> float:
    seconds = parse_duration(text)
    if seconds < INTERVAL_S_MIN:
        raise ValueError(f"{text!r} is less than 10ms")
    return seconds


def _truth(text: str) -> bool:
    if text.lower() not in _TRUTHS:
        raise ValueError(f"{text!r} is neither true nor false")
    return _TRUTHS[text.lower()]


def _rate(text: str) -> float:
    if not _DECIMAL.fullmatch(text) or float(text) > RATE_MAX:
        raise ValueError(f"{text!r} is not a number from 0 to {RATE_MAX}")
    return float(text)


def _burst(text: str) -> int:
    if not (text.isascii() and text.isdigit()) or not 1 <= int(text) <= RATE_MAX:
        raise ValueError(f"{text!r} is not a whole number from 1 to {RATE_MAX}")
    return int(text)


@dataclass(frozen=True, slots=True)
class _Flag:
    """One flag: its name, the field it fills, and what the operator reads."""

    name: str
    field: str
    parse: Callable[[str], object]
    metavar: str
    help: str


_FLAGS = (
    _Flag(
        *("addr", "addr", parse_listen_address, "HOST:PORT"),
        "listen here; without host on every IPv4 and IPv6 address (default :3000)",
    ),
    _Flag(
        *("gc-interval", "gc_interval_s", _interval, "DURATION"),
        "how often to remove what has expired, such as 30s or 500ms (default 1m)",
    ),
    _Flag(
        *("redirect-endpoint", "redirect_endpoint", _endpoint, "HOST:PORT"),
        "tell every client to go there instead (default: nowhere)",
    ),
    _Flag(
        *("certificate-path", "certificate_path", Path, "FILE"),
        "PEM certificate and chain: serve TLS; a changed file is noticed",
    ),
    _Flag(*("key-path", "key_path", Path, "FILE"), "PEM key of that certificate"),
    _Flag(
        *("trust-x-real-ip", "trust_x_real_ip", _truth, "BOOL"),
        "believe this header about the caller's address; only behind a proxy that "
        "sets it (default false)",
    ),
    _Flag(
        "trust-first-x-forwarded-for",
        *("trust_first_x_forwarded_for", _truth, "BOOL"),
        "the same for the first address of this header (default false)",
    ),
    _Flag(
        *("report-client-ip", "report_client_ip", _truth, "BOOL"),
        "tell callers their address: how nodes behind NAT learn it (default true)",
    ),
    _Flag(
        *("rate-limit", "rate_limit_per_s", _rate, "NUMBER"),
        "calls per second and client address, more must wait; 0: any (default 15)",
    ),
    _Flag(
        *("rate-burst", "rate_burst", _burst, "NUMBER"),
        "calls a client address may make at once (default 60)",
    ),
    _Flag(
        *("log-level", "log_level", str, "LEVEL"),
        "debug (every call), info, warning or error (default info)",
    ),
    _Flag(*("log-format", "log_format", str, "FORMAT"), "text or json (default text)"),
)
_CHOICES = {
    "log_level": ("debug", "info", "warning", "error"),
    "log_format": ("text", "json"),
}


def _parser(version: str) -> "_Parser":
    parser = _Parser(
        prog=PROGRAM,
        allow_abbrev=False,
        usage=f"{PROGRAM} [--flag=value ...]",
        description="Serves the discovery API: the nodes of a cluster publish sealed "
        "records and find each other. Keeps them in memory and cannot read them.",
        epilog="One dash or two. Every flag can also be given in the environment, such "
        f"as {ENVIRONMENT_PREFIX}GC_INTERVAL=30s; the flag wins. Exit status: 0 after "
        "SIGTERM or SIGINT, 1 cannot serve, 2 wrong flags.",
    )
    defaults = Settings()
    for flag in _FLAGS:
        is_truth = flag.parse is _truth
        parser.add_argument(
            f"--{flag.name}",
            dest=flag.field,
            default=getattr(defaults, flag.field),
            type=_telling_why(flag.parse),
            choices=_CHOICES.get(flag.field),
            nargs="?" if is_truth else None,
            const=True if is_truth else None,
            metavar=flag.metavar,
            help=flag.help,
        )
    parser.add_argument("--version", action="version", version=f"{PROGRAM} {version}")
    return parser


def _telling_why(parse: Callable[[str], object]) -> Callable[[str], object]:
    """Let argparse show the reason a parser gives, and nothing of its own."""

    def parse_or_tell(text: str) -> object:
        try:
            return parse(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from error

    return parse_or_tell


def _arguments_from_environment(environment: Mapping[str, str]) -> list[str]:
    names = [flag.name for flag in _FLAGS]
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
            near = difflib.get_close_matches(name, [flag.name for flag in _FLAGS], n=1)
            hint = f"; did you mean --{near[0]}?" if near else ""
            message = f"unknown flag {unknown.split()[0]}{hint}"
        message = message.removeprefix("argument ")
        self.exit(EXIT_USAGE, f"{PROGRAM}: {message} (see --help)\n")
