"""Servers this benchmark starts itself, each on free ports of loopback, and ends."""

import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from bench.discovery.target import Target

HOST: Final = "127.0.0.1"
START_S: Final = 30.0
STOP_S: Final = 15.0
ROOT: Final = Path(__file__).resolve().parents[2]
GO_SOURCE: Final = Path(__file__).resolve().parents[1] / "discovery_go"
GO_BUILD_S: Final = 300.0


class LeftOut(Exception):  # noqa: N818 - says what happened, as a sentence would
    """A server cannot be started here; the others can."""


@contextmanager
def memory(directory: Path, flags: tuple[str, ...]) -> Iterator[Target]:
    """Run ours with its default store."""
    with _ours(directory, ("--snapshot-interval=10m", *flags)) as (address, pid):
        yield Target("ours, memory", address, pid)


@contextmanager
def write_through(directory: Path, flags: tuple[str, ...]) -> Iterator[Target]:
    """Run ours with every update on disk before it is acknowledged."""
    with _ours(directory, ("--snapshot-interval=0", *flags)) as (address, pid):
        yield Target("ours, memory, write-through", address, pid)


@contextmanager
def etcd(directory: Path, flags: tuple[str, ...]) -> Iterator[Target]:
    """Run ours with one etcd member beside it.

    Raises:
        LeftOut: there is no etcd.
    """
    with _etcd(directory) as (endpoint, etcd_pid):
        stored = ("--store=etcd", f"--etcd-endpoints={endpoint}", *flags)
        with _ours(directory, stored) as (address, pid):
            yield Target("ours, etcd", address, pid, (etcd_pid,))


@contextmanager
def stand_in(directory: Path, flags: tuple[str, ...]) -> Iterator[Target]:
    """Run our stand-in for the official server (see ``bench/discovery_go``).

    Raises:
        LeftOut: there is no Go, or it does not build.
    """
    del flags
    with _stand_in(directory) as (address, pid):
        yield Target("stand-in, Go", address, pid)


@contextmanager
def stand_in_native(directory: Path, flags: tuple[str, ...]) -> Iterator[Target]:
    """Run it with the faster HTTP/2 of grpc-go, which the official one does not use.

    Raises:
        LeftOut: likewise.
    """
    del flags
    with _stand_in(directory, "-native") as (address, pid):
        yield Target("stand-in, Go, native", address, pid)


SERVERS: Final = {
    "memory": memory,
    "write-through": write_through,
    "etcd": etcd,
    "stand-in": stand_in,
    "stand-in-native": stand_in_native,
}
USUAL: Final = ("memory", "etcd", "stand-in")


def missing(server: str) -> str:
    """Return why a server cannot be started here; empty if nothing is known."""
    if server == "etcd" and _etcd_program() is None:
        return "no etcd on this machine"
    if server.startswith("stand-in") and go_program() is None:
        return "no Go on this machine to build it with"
    return ""


def go_program() -> str | None:
    """Return the Go tool, also where its own installer puts it."""
    return shutil.which("go") or shutil.which("go", path="/usr/local/go/bin")


def _etcd_program() -> str | None:
    return shutil.which("etcd") or shutil.which("etcd", path="/usr/sbin")


@contextmanager
def _ours(
    directory: Path, flags: tuple[str, ...]
) -> Iterator[tuple[tuple[str, int], int]]:
    """Run ours, as an operator would but for the rate limit and the web pages."""
    port = _free_port()
    command = [
        *(sys.executable, "-m", "discovery", f"--addr={HOST}:{port}"),
        *("--landing-addr=", "--metrics-addr=", "--rate-limit=0"),
        *("--log-level=warning", f"--snapshot-path={directory / 'state.binpb'}"),
        *flags,
    ]
    with _running(command, directory, port) as pid:
        yield (HOST, port), pid


@contextmanager
def _stand_in(directory: Path, *flags: str) -> Iterator[tuple[tuple[str, int], int]]:
    program = _build_stand_in(directory)
    port = _free_port()
    command = [str(program), f"-addr={HOST}:{port}", *flags]
    with _running(command, directory, port) as pid:
        yield (HOST, port), pid


@contextmanager
def _etcd(directory: Path) -> Iterator[tuple[str, int]]:
    program = _etcd_program()
    if program is None:
        raise LeftOut(missing("etcd"))
    clients, peers = _free_port(), _free_port()
    command = [
        *(program, "--data-dir", str(directory / "etcd"), "--name", "bench"),
        *("--listen-client-urls", f"http://{HOST}:{clients}"),
        *("--advertise-client-urls", f"http://{HOST}:{clients}"),
        *("--listen-peer-urls", f"http://{HOST}:{peers}"),
        *("--initial-advertise-peer-urls", f"http://{HOST}:{peers}"),
        *("--initial-cluster", f"bench=http://{HOST}:{peers}"),
    ]
    with _running(command, directory, clients) as pid:
        yield f"{HOST}:{clients}", pid


def _build_stand_in(directory: Path) -> Path:
    go = go_program()
    if go is None:
        raise LeftOut(missing("stand-in"))
    program = directory.parent / "stand-in"
    if program.exists():
        return program
    command = [go, "build", "-buildvcs=false", "-o", str(program), "."]
    built = subprocess.run(
        command,
        cwd=GO_SOURCE,
        capture_output=True,
        text=True,
        check=False,
        timeout=GO_BUILD_S,
    )
    if built.returncode:
        raise LeftOut(f"the stand-in does not build: {built.stderr.strip()[-300:]}")
    return program


@contextmanager
def _running(command: list[str], directory: Path, port: int) -> Iterator[int]:
    """Run a server; yield its process ID once it listens.

    Raises:
        LeftOut: it does not.
    """
    log_path = directory / f"{port}.log"
    with open(log_path, "wb") as log:
        process = subprocess.Popen(
            command, stdout=log, stderr=subprocess.STDOUT, cwd=ROOT
        )
    try:
        if not _listens(process, port):
            said = log_path.read_text(errors="replace").strip()[-300:]
            raise LeftOut(f"{Path(command[0]).name} does not start: {said}")
        yield process.pid
    finally:
        _stop(process)


def _listens(process: subprocess.Popen[bytes], port: int) -> bool:
    until_s = time.monotonic() + START_S
    while process.poll() is None and time.monotonic() < until_s:
        try:
            socket.create_connection((HOST, port), 1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return True
    return False


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _free_port() -> int:
    with socket.create_server((HOST, 0)) as listener:
        port: int = listener.getsockname()[1]
        return port
