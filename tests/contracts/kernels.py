"""The two kernels every rtnetlink contract is tried on: in memory, and the real one."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

import pytest

from kubespan.drivers.host.netlink import OpenSocket, link_index, open_route_socket
from tests.fakes.kernel import FakeKernel
from tests.netns_support import Namespace

T = TypeVar("T")
LINK = "kubespan"


class Kernel(Protocol):
    """A kernel with a link ``other`` that is up."""

    open: OpenSocket

    def add_link(self, name: str) -> None: ...
    def remove_link(self, name: str) -> None: ...
    def run(self, body: Callable[[], Awaitable[T]]) -> T: ...


@dataclass
class InMemory:
    fake: FakeKernel = field(default_factory=FakeKernel)

    def __post_init__(self) -> None:
        self.open = self.fake.open

    def add_link(self, name: str) -> None:
        self.fake.add_link(name, kind="veth")

    def remove_link(self, name: str) -> None:
        self.fake.remove_link(name)

    def run(self, body: Callable[[], Awaitable[T]]) -> T:
        async def awaited() -> T:
            return await body()

        return asyncio.run(awaited())


@dataclass
class Real:
    namespace: Namespace

    def __post_init__(self) -> None:
        self.open = open_route_socket

    def add_link(self, name: str) -> None:
        self.namespace.sh(
            f"ip link add {name} type veth peer name {name}-far;"
            f"ip link set {name} up; ip link set {name}-far up"
        )

    def remove_link(self, name: str) -> None:
        self.namespace.sh(f"ip link del {name}")

    def run(self, body: Callable[[], Awaitable[T]]) -> T:
        return self.namespace.run(body)


@pytest.fixture(
    params=[
        pytest.param("fake", id="in memory"),
        pytest.param("real", id="real", marks=pytest.mark.netns),
    ]
)
def kernel(request: pytest.FixtureRequest) -> Kernel:
    if request.param == "fake":
        made: Kernel = InMemory()
    else:
        made = Real(request.getfixturevalue("namespace"))
    made.add_link("other")
    return made


async def ask(kernel: Kernel, subject: str, command: str, **request: Any) -> None:
    """Change something as somebody else would; ``oif`` may be a link's name."""
    async with kernel.open() as socket:
        if isinstance(request.get("oif"), str):
            request["oif"] = await link_index(socket, request["oif"])
        await getattr(socket, subject)(command, **request)
