"""The discovery service of a lab."""

import signal
import time
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from kubespan.lab.errors import LabError
from kubespan.lab.files import last_lines
from kubespan.lab.namespaces import Process
from kubespan.lab.place import Place, python_module
from kubespan.lab.topology import DISCOVERY_PORT

START_TIMEOUT_S = 20.0
STOP_TIMEOUT_S = 20.0
_POLL_S = 0.02
ALONE = ("--landing-addr=", "--metrics-addr=", "--snapshots-enabled=false")
"""Options of a service that takes one port and writes no file of the host."""
_LISTENING = "0A"  # TCP_LISTEN in /proc/net/tcp


@dataclass(slots=True)
class LabDiscovery:
    """Start and stop the discovery service; it keeps nothing over a restart.

    Attributes:
        place: its namespace.
        log: both outputs of all its runs, on the host.
        options: further arguments of the service.
    """

    place: Place
    log: Path
    options: tuple[str, ...] = field(default=())

    @property
    def is_running(self) -> bool:
        """Tell whether there is a service process."""
        return self._process() is not None

    def start(self) -> None:
        """Start the service and wait until it listens.

        Raises:
            LabError: it runs already, or ends early (with its last words).
        """
        if self.is_running:
            raise LabError("the discovery service runs already")
        arguments = ("--addr", f":{DISCOVERY_PORT}", *ALONE, *self.options)
        with self.log.open("ab") as log:
            self.place.detach(python_module("discovery", *arguments), log, {})
        self._await()

    def stop(self, number: int = signal.SIGTERM) -> None:
        """Send a signal to the service and wait for its end; none running is fine.

        Raises:
            LabError: it does not end.
        """
        process = self._process()
        if process is None:
            return
        self.place.signal(process, number)
        deadline_s = time.monotonic() + STOP_TIMEOUT_S
        while self.is_running:
            if time.monotonic() > deadline_s:
                raise LabError("the discovery service does not end")
            time.sleep(_POLL_S)

    def log_tail(self, count: int = 20) -> list[str]:
        """Return the last lines the service wrote."""
        return last_lines(self.log, count)

    def _await(self) -> None:
        deadline_s = time.monotonic() + START_TIMEOUT_S
        while not self._is_listening():
            if not self.is_running or time.monotonic() > deadline_s:
                lines = "\n".join(f"  | {line}" for line in self.log_tail())
                raise LabError(f"the discovery service does not start:\n{lines}")
            time.sleep(_POLL_S)

    def _process(self) -> Process | None:
        return self.place.find(_is_service)

    def _is_listening(self) -> bool:
        tables = ("tcp", "tcp6")
        net = Path(f"/proc/{self.place.holder.pid}/net")
        rows = (row for table in tables for row in (net / table).open().readlines())
        return any(_is_listener(row.split()) for row in rows)


def _is_listener(columns: list[str]) -> bool:
    address, state = columns[1], columns[3]
    return state == _LISTENING and address.endswith(f":{DISCOVERY_PORT:04X}")


def _is_service(process: Process) -> bool:
    arguments = process.arguments
    return ("-m", "discovery") in pairwise(arguments)
