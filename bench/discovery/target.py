"""A server under load."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Target:
    """Where it listens and which process it is.

    Attributes:
        name: for the table.
        address: host and port, without TLS.
        pid: of the process whose use is measured, its children included.
        beside_pids: processes it cannot do without, such as etcd; measured apart.
    """

    name: str
    address: tuple[str, int]
    pid: int
    beside_pids: tuple[int, ...] = ()


def address_from_text(text: str) -> tuple[str, int]:
    """Parse ``HOST:PORT``; an IPv6 address stands in brackets.

    Raises:
        ValueError: it is anything else.
    """
    host, colon, port = text.rpartition(":")
    if not (colon and host and port.isdigit()):
        raise ValueError(f"{text!r} is not HOST:PORT")
    return host.strip("[]"), int(port)
