"""A namespace of the lab as a place where commands run.

Places where daemons live have a *holder*: the first process of a process, mount and
host name namespace of their own, a machine in small. When it ends, all in it ends. The
others (router, gateways, pods) are bare network namespaces.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import kubespan
from kubespan.lab.errors import LabError
from kubespan.lab.namespaces import (
    NETNS_DIR,
    Identity,
    Process,
    kill_process,
    namespace_identity,
    process_identity,
    processes_in,
)

RUN_TIMEOUT_S = 60.0
UNSHARE = ("unshare", "--mount", "--uts", "--pid", "--fork", "--kill-child")
# /run is the place's own, so that sockets of two daemons do not meet; /sys is mounted
# again because it shows the links of the namespace it was mounted in. The shell then
# stays as the first process and collects orphans.
HOLDER_SCRIPT = """\
set -e
mount -t proc proc /proc
mount -t tmpfs -o mode=755 tmpfs /run
[ -L /var/run ] || mount --bind /run /var/run
mount -t sysfs sysfs /sys
echo "$1" >/proc/sys/kernel/hostname
cd /
echo ready
exec </dev/null >/dev/null 2>&1
while :; do sleep infinity & wait; done
"""
_READY = "ready\n"
_PACKAGES = Path(kubespan.__file__).parent.parent


@dataclass(slots=True)
class Place:
    """One namespace of a running lab.

    Attributes:
        name: short, such as ``node-1``; also the host name inside.
        netns: as ``ip netns`` knows it.
        contained: has a holder.
    """

    name: str
    netns: str
    contained: bool
    _holder: Process | None = field(default=None, repr=False)

    @property
    def identity(self) -> Identity:
        """Device and inode of the network namespace; `LabError` if it is gone."""
        identity = namespace_identity(self.netns)
        if identity is None:
            raise LabError(f"{self.name}: its namespace {self.netns} is gone")
        return identity

    def processes(self) -> list[Process]:
        """Return what runs here, the holder included, sorted by pid."""
        return processes_in({self.identity})

    def find(self, wanted: Callable[[Process], bool]) -> Process | None:
        """Return the first process of the place itself that is `wanted`, or None."""
        inner = (p for p in self.processes() if p.is_contained or not self.contained)
        return next((process for process in inner if wanted(process)), None)

    def hold(self) -> None:
        """Start the holder; `LabError` with its words if it cannot start."""
        enter = ["nsenter", f"--net={NETNS_DIR / self.netns}", *UNSHARE]
        # setsid --fork: the holder outlives us and is no child of ours.
        command = ["setsid", "--fork", *enter, "sh", "-c", HOLDER_SCRIPT, "sh"]
        with subprocess.Popen(
            [*command, self.name],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as starter:
            answer = starter.stdout.readline() if starter.stdout else ""
        if answer != _READY:
            raise LabError(f"{self.name}: its holder does not start: {answer.strip()}")

    @property
    def holder(self) -> Process:
        """The first process of the place; `LabError` if there is none."""
        if not (self._holder and process_identity(self._holder.pid) == self.identity):
            self._holder = self.find(lambda process: process.inner_pid == 1)
        if self._holder is None:
            raise LabError(f"{self.name}: its holder is gone; lab destroy cleans up")
        return self._holder

    def path(self, inside: str) -> Path:
        """Return a path of the host that leads to a file as it is seen inside."""
        return Path(f"/proc/{self.holder.pid}/root") / inside.lstrip("/")

    def command(self, arguments: Sequence[str]) -> list[str]:
        """Return a command of the host that runs `arguments` in the place."""
        if not self.contained:
            return ["nsenter", f"--net={NETNS_DIR / self.netns}", *arguments]
        target = ["--target", str(self.holder.pid)]
        return ["nsenter", *target, "--net", "--mount", "--uts", "--pid", *arguments]

    def run(
        self,
        arguments: Sequence[str],
        *,
        text: str = "",
        check: bool = True,
        timeout_s: float = RUN_TIMEOUT_S,
    ) -> subprocess.CompletedProcess[str]:
        """Run a command here to its end, with `text` as input.

        Raises:
            LabError: it failed (and `check`), or took longer than `timeout_s`.
        """
        what = f"{self.name}: {' '.join(arguments)}"
        try:
            done = subprocess.run(
                self.command(arguments),
                input=text,
                capture_output=True,
                text=True,
                check=False,
                timeout=timeout_s,
                env=environment(),
            )
        except subprocess.TimeoutExpired as error:
            raise LabError(f"{what}: no end after {timeout_s:g} s") from error
        if check and done.returncode:
            words = (done.stderr or done.stdout).strip()
            raise LabError(f"{what}: exit status {done.returncode}: {words[-2000:]}")
        return done

    def spawn(self, arguments: Sequence[str]) -> "Running":
        """Start a command here and return at once; end it with `Running.stop`."""
        child = subprocess.Popen(
            self.command(arguments),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment(),
        )
        return Running(self, child)

    def detach(
        self, arguments: Sequence[str], log: IO[bytes], more: Mapping[str, str]
    ) -> None:
        """Start a command that outlives us, as a child of the holder.

        Args:
            arguments: the command.
            log: takes both outputs of the command.
            more: variables added to its environment.
        """
        subprocess.run(
            self.command(["setsid", "--fork", *arguments]),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            check=True,
            env=environment() | dict(more),
        )

    def signal(self, process: Process, number: int) -> None:
        """Send a signal to a process of this place; a dead one is no error."""
        kill_process(process.pid, {self.identity}, number)


@dataclass(slots=True)
class Running:
    """A command that runs in a place."""

    place: Place
    child: subprocess.Popen[bytes]

    @property
    def is_running(self) -> bool:
        """Tell whether it has not ended yet."""
        return self.child.poll() is None

    def stop(
        self, number: int = signal.SIGINT, timeout_s: float = 10.0
    ) -> subprocess.CompletedProcess[bytes]:
        """Send a signal to the command, wait for its end and return its output."""
        for process in self._processes():
            self.place.signal(process, number)
        return self.wait(timeout_s)

    def wait(self, timeout_s: float) -> subprocess.CompletedProcess[bytes]:
        """Wait for the command's end and return its output; killed when it is late."""
        try:
            output, errors = self.child.communicate(timeout=timeout_s)
        except subprocess.TimeoutExpired:
            for process in self._processes():
                self.place.signal(process, signal.SIGKILL)
            self.child.kill()
            output, errors = self.child.communicate()
        return subprocess.CompletedProcess(
            self.child.args, self.child.returncode, output, errors
        )

    def _processes(self) -> list[Process]:
        if not self.place.contained:
            return [p for p in self.place.processes() if p.pid == self.child.pid]
        # nsenter stays outside and waits; what it waits for is the command.
        return [p for p in self.place.processes() if _parent(p.pid) == self.child.pid]


def python_module(*arguments: str) -> list[str]:
    """Return a command that runs one of our programs with this very Python."""
    return [sys.executable, "-m", *arguments]


def environment() -> dict[str, str]:
    """Return the environment of commands in the lab: ours, with our programs on PATH.

    The world of the lab is closed, so a proxy of the host is left out.
    """
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.lower().endswith("_proxy")
    }
    programs = Path(sys.executable).parent
    path = f"{programs}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    return kept | {
        "PATH": path,
        "PYTHONPATH": str(_PACKAGES),
        "PYTHONUNBUFFERED": "1",
    }


def _parent(pid: int) -> int:
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    except OSError:
        return 0
    line = next(line for line in status.splitlines() if line.startswith("PPid:"))
    return int(line.split()[1])
