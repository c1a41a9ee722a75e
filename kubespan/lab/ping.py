"""Pings between places, with a payload one can recognise on the wire."""

import re
from dataclasses import dataclass

from kubespan.lab.errors import LabError
from kubespan.lab.place import Place

PAYLOAD = b"KUBESPAN-IN-THE-CLEAR"[:16]  # ping repeats at most 16 bytes
PAYLOAD_BYTES = 120
_COUNTS = re.compile(r"(\d+) packets transmitted, (\d+) received")


@dataclass(frozen=True, slots=True)
class Ping:
    """How many echo requests were sent and how many answers came back."""

    sent: int
    received: int

    @property
    def lost(self) -> int:
        """Requests without an answer."""
        return self.sent - self.received

    @property
    def is_whole(self) -> bool:
        """Tell whether something was sent and all of it was answered."""
        return self.sent > 0 and self.lost == 0


def ping(
    place: Place, address: str, *, count: int = 2, interval_s: float = 0.2
) -> Ping:
    """Ping an address from a place; lost packets are a result, not an error."""
    command = ping_command(address, count=count, interval_s=interval_s)
    done = place.run(command, check=False)
    # what ping complains of is in its other output, and worth reading without a summary
    return parse_ping(f"{done.stdout}{done.stderr}exit status {done.returncode}")


def ping_command(address: str, *, count: int, interval_s: float = 0.2) -> list[str]:
    """Return the command; `count` 0 pings until it is interrupted."""
    limits = ["-c", str(count)] if count else []
    wait = ["-i", f"{interval_s:g}", "-W", "2"]
    content = ["-p", PAYLOAD.hex(), "-s", str(PAYLOAD_BYTES)]
    return ["ping", "-n", "-q", *limits, *wait, *content, address]


def parse_ping(text: str) -> Ping:
    """Read the summary of ``ping``; `LabError` if there is none."""
    found = _COUNTS.search(text)
    if found is None:
        raise LabError(f"ping: no summary in {text[-300:]!r}")
    return Ping(sent=int(found[1]), received=int(found[2]))
