"""Network namespaces for tests: made fresh, entered by a thread, always removed.

::

    @pytest.mark.netns
    def test_something(namespace: Namespace) -> None:
        namespace.sh("ip link add kubespan type veth peer name far")

        found = namespace.run(Addresses("kubespan").observe)

        assert found == {}

``run`` makes a thread that enters the namespace, runs a coroutine there on a loop of
its own, and ends; the test's own thread never leaves the host. What the coroutine
opens or starts (sockets, subprocesses, ``to_thread``, ``/proc/sys/net``) belongs to the
namespace. ``/sys`` does not: it still shows the host.
Fixtures: ``namespace`` is one, ``new_namespace`` makes as many as are asked for.
"""

import asyncio
import ctypes
import itertools
import os
import subprocess
import threading
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import pytest

T = TypeVar("T")

NETNS_DIR = Path("/run/netns")
CLONE_NEWNET = 0x40000000
JOIN_S = 100.0
PREFIX = "kstest"
numbers = itertools.count()


@dataclass(frozen=True, slots=True)
class Namespace:
    """A network namespace with a name; nothing is up in it at first."""

    name: str

    def sh(self, command: str) -> str:
        """Run a shell command inside and return what it printed; it must succeed."""
        entered = ["ip", "netns", "exec", self.name, "sh", "-ec", command]
        done = subprocess.run(
            entered, check=False, capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 0, f"{command}: {done.stderr}"
        return done.stdout

    def run(self, body: Callable[[], Awaitable[T]]) -> T:
        """Run a coroutine function inside and return, or raise, what it did."""

        async def awaited() -> T:
            return await body()

        return self.call(lambda: asyncio.run(awaited()))

    def call(self, body: Callable[[], T]) -> T:
        """Call a function inside and return, or raise, what it did."""
        results: list[T] = []
        errors: list[BaseException] = []

        def inside() -> None:
            try:
                enter(self.name)
                results.append(body())
            except BaseException as error:  # noqa: BLE001 - raised again by the test
                errors.append(error)

        thread = threading.Thread(target=inside, name=self.name, daemon=True)
        thread.start()
        thread.join(JOIN_S)
        assert not thread.is_alive(), f"still running in {self.name}"
        if errors:
            raise errors[0]
        return results[0]


def enter(name: str) -> None:
    """Move the calling thread into a namespace; for throw-away threads only."""
    libc = ctypes.CDLL(None, use_errno=True)
    descriptor = os.open(NETNS_DIR / name, os.O_RDONLY | os.O_CLOEXEC)
    try:
        if libc.setns(descriptor, CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), f"enter {name}")
    finally:
        os.close(descriptor)


@pytest.fixture
def new_namespace() -> Iterator[Callable[[], Namespace]]:
    """Make namespaces; all are removed at the end of the test."""
    made: list[Namespace] = []

    def new() -> Namespace:
        name = f"{PREFIX}-{os.getpid()}-{next(numbers)}"
        subprocess.run(["ip", "netns", "add", name], check=True)
        made.append(Namespace(name))
        return made[-1]

    try:
        yield new
    finally:
        for namespace in made:
            subprocess.run(["ip", "netns", "del", namespace.name], check=False)


@pytest.fixture
def namespace(new_namespace: Callable[[], Namespace]) -> Namespace:
    """Make one namespace, with the loopback link up."""
    made = new_namespace()
    made.sh("ip link set lo up")
    return made


@pytest.fixture(scope="session", autouse=True)
def _no_leftovers() -> None:
    """Remove the namespaces of test runs that were killed."""
    if os.geteuid() != 0 or not NETNS_DIR.is_dir():
        return
    for path in NETNS_DIR.glob(f"{PREFIX}-*-*"):
        if not Path("/proc", path.name.split("-")[1]).exists():
            subprocess.run(["ip", "netns", "del", path.name], check=False)
