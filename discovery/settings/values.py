"""From the text of one flag to its value, or to a reason why not.

Every function raises ``ValueError`` with a sentence for the operator.
"""

import ipaddress
import re
from pathlib import Path
from typing import TypeAlias

Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network

INTERVAL_S_MIN = 0.01
# Ten years; no timer must overflow.
DURATION_S_MAX = 315_576_000.0
DURATION_CHARACTERS_MAX = 64
RATE_MAX = 1_000_000
COUNT_MAX = 1_000_000_000

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
_DECIMAL = re.compile(r"\d+(\.\d*)?", re.ASCII)
_TRUTHS = {"true": True, "t": True, "1": True, "false": False, "f": False, "0": False}


def parse_duration(text: str) -> float:
    """Return the seconds of a duration such as ``1m``, ``1h30m``, ``500ms`` or ``0``.

    Raises:
        ValueError: it is something else.
    """
    if text == "0":
        return 0.0
    parts = _DURATION_PART.findall(text[:DURATION_CHARACTERS_MAX])
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise ValueError(f"{text!r} is not a duration such as 1m or 500ms")
    seconds = sum(float(number) * _SECONDS_BY_UNIT[unit] for number, unit in parts)
    if seconds > DURATION_S_MAX:
        raise ValueError(f"{text!r} is more than ten years")
    return seconds


def parse_interval(text: str) -> float:
    """Return the seconds of a duration of at least 10 ms."""
    seconds = parse_duration(text)
    if seconds < INTERVAL_S_MIN:
        raise ValueError(f"{text!r} is less than 10ms")
    return seconds


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


def parse_optional_listen_address(text: str) -> str:
    """Return ``host:port``, or nothing for an address that is switched off."""
    return parse_listen_address(text) if text else ""


def parse_endpoint(text: str) -> str:
    """Return ``host:port`` of another service, or nothing."""
    if text and not parse_listen_address(text).rpartition(":")[0]:
        raise ValueError(f"{text!r} names no host")
    return text


def parse_endpoints(text: str) -> tuple[str, ...]:
    """Return one or more ``host:port``, separated by commas; ``http://`` is allowed."""
    bare = [part.strip().removeprefix("http://") for part in text.split(",")]
    if any(part.startswith("https://") for part in bare):
        raise ValueError(f"{text!r}: write host:port, and --etcd-ca-path for TLS")
    if not all(bare):
        raise ValueError(f"{text!r} is not host:port,host:port")
    return tuple(parse_endpoint(part.rstrip("/")) for part in bare)


def parse_networks(text: str) -> tuple[Network, ...]:
    """Return the networks of ``10.0.0.0/8,192.0.2.1``; a bare address is one host."""
    parts = [part.strip() for part in text.split(",")] if text else []
    try:
        return tuple(ipaddress.ip_network(part) for part in parts)
    except ValueError as error:
        raise ValueError(f"{text!r} is not a list of networks: {error}") from error


def parse_path(text: str) -> Path | None:
    """Return a path, or None for nothing."""
    return Path(text) if text else None


def parse_truth(text: str) -> bool:
    """Return whether a text says yes."""
    if text.lower() not in _TRUTHS:
        raise ValueError(f"{text!r} is neither true nor false")
    return _TRUTHS[text.lower()]


def parse_rate(text: str) -> float:
    """Return a number of calls per second; zero is no limit."""
    if not _DECIMAL.fullmatch(text) or float(text) > RATE_MAX:
        raise ValueError(f"{text!r} is not a number from 0 to {RATE_MAX}")
    return float(text)


def parse_burst(text: str) -> int:
    """Return a number of calls at once."""
    return _whole_number(text, 1, RATE_MAX)


def parse_count(text: str) -> int:
    """Return a maximum; at least one, or nothing could be served."""
    return _whole_number(text, 1, COUNT_MAX)


def parse_prefix_bits(text: str) -> int:
    """Return how many bits of an IPv6 address name a client."""
    return _whole_number(text, 16, 128)


def _whole_number(text: str, least: int, most: int) -> int:
    digits = text.isascii() and text.isdigit() and len(text) <= len(str(most))
    if not digits or not least <= int(text) <= most:
        raise ValueError(f"{text!r} is not a whole number from {least} to {most}")
    return int(text)
