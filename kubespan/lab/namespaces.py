"""Named network namespaces of the host and what runs in them.

A process is ours because it is in a namespace of ours, whoever started it; no list of
process numbers is kept, so none can be out of date and hit a stranger.
"""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from kubespan.lab.errors import LabError
from kubespan.lab.topology import PREFIX

NETNS_DIR = Path("/run/netns")
KILL_TIMEOUT_S = 5.0
_POLL_S = 0.01

Identity = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Process:
    """A process of the host that is in one of our namespaces.

    Attributes:
        pid: as the host counts.
        inner_pid: as its own process namespace counts; `pid` if that is the host's.
        arguments: its command line.
    """

    pid: int
    inner_pid: int
    arguments: tuple[str, ...]

    @property
    def is_contained(self) -> bool:
        """Tell whether it has a process namespace of its own."""
        return self.pid != self.inner_pid


def lab_namespaces(lab: str) -> list[str]:
    """Return the names of all namespaces of a lab, sorted, half-built ones too."""
    return [name for name in all_namespaces() if name.startswith(f"{PREFIX}{lab}-")]


def all_namespaces() -> list[str]:
    """Return the names of the namespaces of all labs, sorted."""
    if not NETNS_DIR.is_dir():
        return []
    names = (path.name for path in NETNS_DIR.iterdir())
    return sorted(name for name in names if name.startswith(PREFIX))


def add_namespaces(names: list[str]) -> None:
    """Make namespaces; ``LabError`` if one is refused."""
    run_checked(["ip", "-batch", "-"], "".join(f"netns add {name}\n" for name in names))


def run_script(namespace: str, script: str) -> None:
    """Run a shell script in a namespace; ``LabError`` at its first failing command."""
    inside = ["nsenter", f"--net={NETNS_DIR / namespace}"]
    run_checked([*inside, "sh", "-e"], script)


def run_checked(command: list[str], text: str = "") -> str:
    """Run a host command with `text` as input and return its output, or `LabError`."""
    done = subprocess.run(
        command, input=text, capture_output=True, text=True, check=False
    )
    if done.returncode:
        reason = done.stderr.strip() or f"exit status {done.returncode}"
        raise LabError(f"{' '.join(command[:4])}: {reason}")
    return done.stdout


def namespace_identity(name: str) -> Identity | None:
    """Return device and inode of a namespace; None if it is not (fully) there."""
    return _identity(NETNS_DIR / name)


def process_identity(pid: int) -> Identity | None:
    """Return the network namespace a process is in; None if it has ended."""
    return _identity(Path(f"/proc/{pid}/ns/net"))


def processes_in(identities: set[Identity]) -> list[Process]:
    """Return every process in the given network namespaces, sorted by pid."""
    found = []
    for entry in os.scandir("/proc"):
        if entry.name.isdecimal() and process_identity(int(entry.name)) in identities:
            with contextlib.suppress(OSError, ValueError):
                found.append(_read_process(int(entry.name)))
    return sorted(found, key=lambda process: process.pid)


def remove_namespaces(names: list[str]) -> None:
    """End every process in the namespaces and remove them; links in them go, too.

    Raises:
        LabError: a process did not end.
    """
    identities = {namespace_identity(name) for name in names} - {None}
    kill_processes_in({identity for identity in identities if identity})
    for name in names:
        # A namespace of a lab killed in mid-creation can be a plain file.
        done = subprocess.run(
            ["ip", "netns", "delete", name], capture_output=True, check=False
        )
        if done.returncode:
            (NETNS_DIR / name).unlink(missing_ok=True)


def kill_processes_in(identities: set[Identity]) -> None:
    """Kill whatever runs in the given network namespaces and wait for its end.

    Raises:
        LabError: something is still there after `KILL_TIMEOUT_S`.
    """
    deadline_s = time.monotonic() + KILL_TIMEOUT_S
    while left := processes_in(identities):
        if time.monotonic() > deadline_s:
            raise LabError(f"processes do not end: {[p.pid for p in left]}")
        for process in left:
            kill_process(process.pid, identities, signal.SIGKILL)
        time.sleep(_POLL_S)


def kill_process(pid: int, identities: set[Identity], number: int) -> None:
    """Send a signal to a process if it is (still) in one of the namespaces."""
    with contextlib.suppress(ProcessLookupError), _pidfd(pid) as handle:
        # The handle holds the process, so this look cannot see a reused number.
        if process_identity(pid) in identities:
            signal.pidfd_send_signal(handle, number)


@contextlib.contextmanager
def _pidfd(pid: int) -> Iterator[int]:
    handle = os.pidfd_open(pid)
    try:
        yield handle
    finally:
        os.close(handle)


def _identity(path: Path) -> Identity | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _read_process(pid: int) -> Process:
    status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    numbers = next(line for line in status.splitlines() if line.startswith("NSpid:"))
    arguments = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace")
    return Process(
        pid=pid,
        inner_pid=int(numbers.split()[-1]),
        arguments=tuple(arguments.split("\0")[:-1]),
    )
