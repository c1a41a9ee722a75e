"""The hosts every WireGuard contract is tried on: in memory, a program, the kernel."""

import asyncio
import itertools
import os
import socket
import subprocess
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, TypeVar

import pytest

from kubespan.drivers.clock import SystemClock
from kubespan.drivers.wireguard.device import WireGuardDriver
from kubespan.drivers.wireguard.links import LinkDriver
from kubespan.drivers.wireguard.uapi import SOCKET_DIR
from kubespan.model.wireguard import WireGuardChoice
from tests.fakes.wireguard import (
    FakeLinkDriver,
    FakeWireGuardDriver,
    FakeWireGuardHost,
)
from tests.netns_support import Namespace

T = TypeVar("T")
PROGRAM = "wireguard-go"
MODULE = Path("/sys/module/wireguard")
"""There once the kernel has WireGuard loaded; ``tests/kernel`` brings such a kernel."""
numbers = itertools.count()


class Host(Protocol):
    """A host where links and devices can be made.

    Attributes:
        link: a name no other test uses; sockets of programs are known by it.
        choice: the implementation to ask for.
    """

    link: str
    choice: WireGuardChoice
    links: Any
    wireguard: Any

    def restart(self) -> None:
        """Begin again with new drivers, as a new daemon does."""

    def run(self, body: Callable[[], Awaitable[T]]) -> T: ...
    def add_foreign_link(self) -> None: ...
    def delete_link(self) -> None: ...
    def lose_program(self) -> None:
        """Kill what carries the link; the kernel's link is deleted."""

    def hold_port(self, port: int) -> Any:
        """Return a context in which a UDP port is somebody else's."""

    def leftovers(self) -> list[str]: ...


@dataclass
class InMemory:
    link: str = "kubespan"
    choice: WireGuardChoice = WireGuardChoice.AUTO
    host: FakeWireGuardHost = field(default_factory=FakeWireGuardHost)

    def __post_init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        self.links = FakeLinkDriver(self.host)
        self.wireguard = FakeWireGuardDriver(self.host, self.link)

    def run(self, body: Callable[[], Awaitable[T]]) -> T:
        async def awaited() -> T:
            return await body()

        return asyncio.run(awaited())

    def add_foreign_link(self) -> None:
        self.host.links[self.link] = None

    def delete_link(self) -> None:
        self.host.remove(self.link)

    def lose_program(self) -> None:
        self.delete_link()

    @contextmanager
    def hold_port(self, port: int) -> Iterator[None]:
        self.host.ports_in_use.add(port)
        yield
        self.host.ports_in_use.clear()

    def leftovers(self) -> list[str]:
        return [*self.host.links, *self.host.devices]


@dataclass
class Real:
    namespace: Namespace
    choice: WireGuardChoice
    link: str = ""

    def __post_init__(self) -> None:
        self.link = f"kst{os.getpid()}n{next(numbers)}"
        self.restart()

    def restart(self) -> None:
        self.links = LinkDriver((PROGRAM,))
        self.wireguard = WireGuardDriver(self.link, SystemClock())

    def run(self, body: Callable[[], Awaitable[T]]) -> T:
        return self.namespace.run(body)

    def add_foreign_link(self) -> None:
        self.namespace.sh(f"ip link add {self.link} type bridge")

    def delete_link(self) -> None:
        self.namespace.sh(f"ip link delete {self.link}")

    def lose_program(self) -> None:
        if self.choice is WireGuardChoice.KERNEL:
            self.delete_link()
            return
        (pid,) = self.programs()
        os.kill(pid, 9)
        self._wait(lambda: self.link not in self.namespace.sh("ip link"))

    @contextmanager
    def hold_port(self, port: int) -> Iterator[None]:
        def bind() -> socket.socket:
            held = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            held.bind(("0.0.0.0", port))
            return held

        with self.namespace.call(bind):
            yield

    def programs(self) -> list[int]:
        """Pids of all programs that carry our link."""
        found = []
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                words = path.read_bytes().split(b"\0")
            except OSError:
                continue
            if PROGRAM.encode() in words[0] and self.link.encode() in words:
                found.append(int(path.parent.name))
        return found

    def leftovers(self) -> list[str]:
        links = self.namespace.sh("ip -br link").splitlines()
        return [
            *(line for line in links if not line.startswith("lo ")),
            *map(str, SOCKET_DIR.glob(f"{self.link}*")),
            *map(str, self.programs()),
        ]

    def clean(self) -> None:
        for pid in self.programs():
            os.kill(pid, 9)
        (SOCKET_DIR / f"{self.link}.sock").unlink(missing_ok=True)

    @staticmethod
    def _wait(condition: Callable[[], bool]) -> None:
        for _ in range(500):
            if condition():
                return
            subprocess.run(["sleep", "0.01"], check=True)
        raise AssertionError("waited in vain")


HOSTS = [
    pytest.param("fake", id="in memory"),
    pytest.param("userspace", id="wireguard-go", marks=pytest.mark.netns),
]
if MODULE.exists():
    HOSTS.append(pytest.param("kernel", id="kernel", marks=pytest.mark.netns))


@pytest.fixture(params=HOSTS)
def host(request: pytest.FixtureRequest) -> Iterator[Host]:
    if request.param == "fake":
        yield InMemory()
        return
    namespace = request.getfixturevalue("namespace")
    real = Real(namespace, WireGuardChoice(request.param))
    try:
        yield real
    finally:
        real.clean()
