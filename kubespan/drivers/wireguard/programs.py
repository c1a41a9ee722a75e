"""Programs that are a WireGuard: found, started so that they outlive us, stopped.

A program is known by the socket it listens on, never by a number we noted: the kernel
says who listens. It gets no file and no pipe of ours, so nothing of it ends with us and
no log grows; when it does not start, it is run once more to hear why.
"""

import asyncio
import contextlib
import errno
import os
import shutil
import signal
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from kubespan.drivers.host.privileges import require_net_admin
from kubespan.drivers.wireguard.uapi import UapiSocket
from kubespan.errors import DriverError

START_TIMEOUT_S: Final = 10.0
"""A second or two on a slow machine; tens of milliseconds otherwise."""
STOP_TIMEOUT_S: Final = 3.0
EXPLAIN_TIMEOUT_S: Final = 2.0
TUN: Final = Path("/dev/net/tun")
DEFAULT_NAMES: Final = ("wireguard-go", "boringtun-cli", "gotatun")
_POLL_S: Final = 0.01
_WORDS_MAX: Final = 300
_COMM_MAX: Final = 15

# boringtun and its kin drop the privilege that the firewall mark takes.
_RUST_ARGUMENTS: Final = ("--foreground", "--disable-drop-privileges")
_ARGUMENTS_BY_PROGRAM: Final = {
    "boringtun-cli": _RUST_ARGUMENTS,
    "gotatun": _RUST_ARGUMENTS,
}
_ARGUMENTS: Final = ("--foreground",)
# The last one: a kernel with WireGuard is no reason to refuse, if the operator insists.
_ENVIRONMENT: Final = {
    "PATH": os.defpath,
    "WG_PROCESS_FOREGROUND": "1",
    "WG_I_PREFER_BUGGY_USERSPACE_TO_POLISHED_KMOD": "1",
}


@dataclass(frozen=True, slots=True)
class Program:
    """A userspace WireGuard that runs.

    Attributes:
        path: of its executable.
        known: its name is one that we start, so we may end it.
    """

    pid: int
    path: str
    known: bool = True


class WireGuardPrograms:
    """The programs an operator allows.

    Args:
        names: names or paths, tried in order.
        tun: the device every one of them needs.
    """

    def __init__(self, names: tuple[str, ...], tun: Path = TUN) -> None:
        self._names = names
        self._tun = tun
        self._children: set[int] = set()

    def require(self) -> list[str]:
        """Return the paths of programs found, in order; at least one.

        Raises:
            DriverError: there is none, or none could work here.
        """
        operation = "start a userspace WireGuard"
        require_net_admin(operation)
        found = [path for name in self._names if (path := shutil.which(name))]
        if not found:
            names = ", ".join(self._names) or "the empty list of userspacePrograms"
            reason = (
                f"none of {names} is on PATH; install one (apt install wireguard-go)"
            )
            raise DriverError(operation, reason, errno.ENOENT)
        self._require_tun(operation)
        return found

    async def start(self, uapi: UapiSocket) -> Program:
        """Start the first program that serves the link, with its socket ready.

        The link exists then, down. Nobody may be listening on the socket before.

        Raises:
            DriverError: none starts; names what each one said.
        """
        reasons = []
        for path in self.require():
            try:
                return await self._start_one(path, uapi)
            except DriverError as error:
                reasons.append(f"{path}: {error.reason}")
        operation = f"start a userspace WireGuard for {uapi.link}"
        raise DriverError(operation, "; ".join(reasons))

    async def find(self, uapi: UapiSocket) -> Program | None:
        """Return who listens on a link's socket; None if nobody does.

        Raises:
            DriverError: it hangs, or serves another network namespace.
        """
        self._reap()
        pid = await uapi.owner()
        # 0 is a program we cannot see; any other may have ended since it was asked
        if pid is None or (pid and not _is_running(pid)):
            return None
        comm = _read(f"/proc/{pid}/comm").strip()
        if _network(str(pid)) != _network("thread-self"):
            what = f"{comm or 'a program we cannot see'} (pid {pid})"
            reason = f"{what} serves a link of that name in another network namespace"
            raise DriverError(f"use {uapi.path}", reason, errno.EBUSY)
        names = {Path(name).name[:_COMM_MAX] for name in (*self._names, *DEFAULT_NAMES)}
        return Program(pid, _executable(pid) or comm, comm in names)

    async def stop(self, uapi: UapiSocket) -> None:
        """End the program of a link and remove its socket; none is no error.

        Raises:
            DriverError: the program is not one that we start, or does not end.
        """
        program = await self.find(uapi)
        if program is not None and not program.known:
            reason = f"{program.path} (pid {program.pid}) is not ours; end it first"
            raise DriverError(f"free {uapi.path}", reason, errno.EBUSY)
        if program is not None:
            await self._end(program.pid)
        _remove_socket(uapi.path)

    async def _start_one(self, path: str, uapi: UapiSocket) -> Program:
        _remove_socket(uapi.path)
        pid = _spawn(_command(path, uapi.link))
        self._children.add(pid)
        try:
            async with asyncio.timeout(START_TIMEOUT_S):
                while _is_running(pid):
                    if (owner := await uapi.owner()) is not None:
                        return Program(owner, path)
                    await asyncio.sleep(_POLL_S)
        except TimeoutError as error:
            await self._end(pid)
            reason = f"it made no socket within {START_TIMEOUT_S:g} s"
            raise DriverError(f"start {path}", reason, errno.ETIMEDOUT) from error
        except BaseException:
            await self._end(pid)
            raise
        raise DriverError(f"start {path}", await _explain(path, uapi.link))

    async def _end(self, pid: int) -> None:
        for number in (signal.SIGTERM, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
            if await _has_ended(pid):
                self._reap()
                return
        raise DriverError(f"stop process {pid}", "it does not end", errno.EBUSY)

    def _reap(self) -> None:
        """Let go of children that ended; they would stay as zombies."""
        for pid in tuple(self._children):
            try:
                ended, _ = os.waitpid(pid, os.WNOHANG)
            except ChildProcessError:
                ended = pid
            if ended:
                self._children.discard(pid)

    def _require_tun(self, operation: str) -> None:
        try:
            os.close(os.open(self._tun, os.O_RDWR | os.O_CLOEXEC))
        except FileNotFoundError as error:
            reason = (
                f"there is no {self._tun}; load the module (modprobe tun) or give the "
                "container that device"
            )
            raise DriverError(operation, reason, error.errno) from error
        except OSError as error:
            reason = f"{self._tun}: {error.strerror}; allow that device"
            raise DriverError(operation, reason, error.errno) from error


def _command(path: str, link: str) -> list[str]:
    return [path, *_ARGUMENTS_BY_PROGRAM.get(Path(path).name, _ARGUMENTS), link]


def _spawn(command: list[str]) -> int:
    """Start a program in a session of its own and without any file of ours.

    Not by asyncio or subprocess: what they start, they kill or mourn when they end.
    """
    files = [
        (os.POSIX_SPAWN_OPEN, number, os.devnull, os.O_RDWR, 0) for number in range(3)
    ]
    try:
        return os.posix_spawn(
            command[0],
            command,
            {**_ENVIRONMENT, "LOG_LEVEL": "silent"},
            file_actions=files,
            setsid=True,
            setsigmask=(),
            setsigdef=(signal.SIGPIPE, signal.SIGXFSZ, signal.SIGINT, signal.SIGHUP),
        )
    except OSError as error:
        raise DriverError(
            f"start {command[0]}", str(error.strerror), error.errno
        ) from error


async def _explain(path: str, link: str) -> str:
    """Run a program that ended at once again, and return its last words."""
    process = await asyncio.create_subprocess_exec(
        *_command(path, link),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env={**_ENVIRONMENT, "LOG_LEVEL": "error"},
    )
    try:
        async with asyncio.timeout(EXPLAIN_TIMEOUT_S):
            output, _ = await process.communicate()
    except TimeoutError:
        return "it ended at once, for a reason that has passed"
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
    words = " ".join(output.decode(errors="replace").split())
    return words[-_WORDS_MAX:] or f"it ends with status {process.returncode}"


def _remove_socket(path: Path) -> None:
    """Make room for a socket that a program will make: its folder, no old socket."""
    try:
        path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
    except OSError as error:
        reason = str(error.strerror)
        raise DriverError(f"make room for {path}", reason, error.errno) from error


async def _has_ended(pid: int) -> bool:
    """Wait for a process to end; false if it does not in time."""
    for _ in range(int(STOP_TIMEOUT_S / _POLL_S)):
        if not _is_running(pid):
            return True
        await asyncio.sleep(_POLL_S)
    return False


def _is_running(pid: int) -> bool:
    """Tell whether a process still runs; one that only waits to be reaped does not."""
    state = _read(f"/proc/{pid}/stat").rpartition(")")[2].split()
    return bool(state) and state[0] not in {"Z", "X"}


def _network(process: str) -> int:
    try:
        return Path(f"/proc/{process}/ns/net").stat().st_ino
    except OSError:
        return 0


def _executable(pid: int) -> str:
    try:
        return str(Path(f"/proc/{pid}/exe").readlink())
    except OSError:
        return ""


def _read(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
