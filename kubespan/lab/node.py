"""One node of a lab: a place with the real daemon in it."""

import json
import signal
import socket
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Address
from itertools import pairwise
from typing import Any

from kubespan.lab.errors import LabError
from kubespan.lab.files import NodeFiles, last_lines, write_private
from kubespan.lab.namespaces import Process
from kubespan.lab.place import Place, Running, python_module
from kubespan.lab.question import peer_states
from kubespan.lab.topology import NodePlan

SOCKET = "/run/kubespan/kubespan.sock"
START_TIMEOUT_S = 30.0
STOP_TIMEOUT_S = 20.0
_POLL_S = 0.02


@dataclass(slots=True)
class LabNode:
    """One node: run commands in it, start and stop its daemon, ask its daemon.

    Attributes:
        plan: where it stands in the topology.
        place: the node itself.
        pod: a namespace behind the node, inside the network it advertises.
        files: configuration, state and log, on the host.
        environment: further variables of the daemon.
    """

    plan: NodePlan
    place: Place
    pod: Place
    files: NodeFiles
    environment: dict[str, str] = field(default_factory=dict)
    _mesh_address: IPv6Address | None = None

    @property
    def name(self) -> str:
        """Short name and host name."""
        return self.plan.name

    @property
    def pod_network(self) -> IPv4Network:
        """The network it advertises."""
        return self.plan.pod_network

    @property
    def mesh_address(self) -> IPv6Address:
        """Its address in the mesh, as its daemon says; `LabError` if it cannot."""
        if self._mesh_address is None:
            found = self.resources("kubespanidentities")
            if not found:
                raise LabError(f"{self.name}: its daemon has no identity yet")
            self._mesh_address = IPv6Address(found[0]["spec"]["address"].split("/")[0])
        return self._mesh_address

    def run(
        self, arguments: Sequence[str], **options: Any
    ) -> subprocess.CompletedProcess[str]:
        """Run a command in the node to its end; see `Place.run`."""
        return self.place.run(arguments, **options)

    def spawn(self, arguments: Sequence[str]) -> Running:
        """Start a command in the node and return at once; see `Place.spawn`."""
        return self.place.spawn(arguments)

    def write_config(self, text: str) -> None:
        """Replace the node's configuration in one step; the daemon sees it change."""
        write_private(self.files.config, text)

    def start_daemon(self) -> None:
        """Start the daemon and wait until it answers.

        Raises:
            LabError: it runs already, or ends early (with its last words).
        """
        self.launch_daemon()
        self.await_daemon()

    def launch_daemon(self) -> None:
        """Start the daemon and return at once; `LabError` if one runs."""
        if self.is_running:
            raise LabError(f"{self.name}: its daemon runs already")
        options = ["--config", str(self.files.config)]
        options += ["--state-dir", str(self.files.state_dir), "--socket", SOCKET]
        with self.files.log.open("ab") as log:
            command = python_module("kubespan", "run", *options)
            self.place.detach(command, log, self.environment)

    def await_daemon(self, timeout_s: float = START_TIMEOUT_S) -> None:
        """Wait until the daemon answers; `LabError` with its last words otherwise."""
        deadline_s = time.monotonic() + timeout_s
        while not self._is_listening():
            if not self.is_running:
                raise LabError(self._with_log("its daemon ended early"))
            if time.monotonic() > deadline_s:
                raise LabError(self._with_log(f"no answer in {timeout_s:g} s"))
            time.sleep(_POLL_S)

    def stop_daemon(self, number: int = signal.SIGTERM) -> None:
        """Send a signal to the daemon and wait for its end; none running is fine.

        Raises:
            LabError: it does not end.
        """
        process = self._daemon()
        if process is None:
            return
        self.place.signal(process, number)
        deadline_s = time.monotonic() + STOP_TIMEOUT_S
        while self.is_running:
            if time.monotonic() > deadline_s:
                raise LabError(self._with_log("its daemon does not end"))
            time.sleep(_POLL_S)

    @property
    def is_running(self) -> bool:
        """Tell whether there is a daemon process."""
        return self._daemon() is not None

    @property
    def daemon_pid(self) -> int:
        """The daemon's process number on the host; `LabError` if none runs."""
        process = self._daemon()
        if process is None:
            raise LabError(self._with_log("its daemon does not run"))
        return process.pid

    def ctl(self, *arguments: str) -> str:
        """Run ``kubespanctl`` in the node and return its output, or `LabError`."""
        command = python_module("kubespan.cli.main", "--socket", SOCKET, *arguments)
        return self.run(command).stdout

    def resources(self, kind: str) -> list[dict[str, Any]]:
        """Return what ``kubespanctl get`` knows of a type: ``metadata`` and ``spec``.

        Raises:
            LabError: the daemon does not answer.
        """
        return parse_json_items(self.ctl("get", kind, "-o", "json"))

    def peer_states(self) -> dict[str, str]:
        """Return the state of each peer by its name; `LabError` without an answer."""
        return peer_states(self.place.path(SOCKET))

    def log_tail(self, count: int = 20) -> list[str]:
        """Return the last lines the daemon wrote."""
        return last_lines(self.files.log, count)

    def _daemon(self) -> Process | None:
        return self.place.find(_is_daemon)

    def _is_listening(self) -> bool:
        with socket.socket(socket.AF_UNIX) as client:
            try:
                client.connect(str(self.place.path(SOCKET)))
            except OSError:
                return False
        return True

    def _with_log(self, text: str) -> str:
        lines = self.log_tail()
        return "\n".join([f"{self.name}: {text}", *(f"  | {line}" for line in lines)])


def parse_json_items(text: str) -> list[dict[str, Any]]:
    """Read one JSON list, or objects one after the other as ``talosctl`` prints them.

    Raises:
        LabError: it is neither.
    """
    decoder = json.JSONDecoder()
    items: list[dict[str, Any]] = []
    rest = text.strip()
    while rest:
        try:
            found, end = decoder.raw_decode(rest)
        except ValueError as error:
            raise LabError(f"no JSON: {rest[:100]!r}") from error
        items += found if isinstance(found, list) else [found]
        rest = rest[end:].lstrip()
    return items


def _is_daemon(process: Process) -> bool:
    arguments = process.arguments
    return ("kubespan", "run") in pairwise(arguments)
