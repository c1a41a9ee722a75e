import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from kubespan.drivers.clock import SystemClock
from kubespan.drivers.kubernetes.kubeconfig import ApiAccess
from kubespan.drivers.kubernetes.nodes import NodeFollower
from kubespan.errors import DriverError
from tests.fakes.kubernetes_api import FakeKubernetesApi, a_node


class Steps:
    """Counts changes, and waits for what they lead to."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self) -> None:
        self.count += 1


async def until(holds: Callable[[], object]) -> None:
    async with asyncio.timeout(10):
        while not holds():
            await asyncio.sleep(0.005)


@pytest.fixture
async def api() -> AsyncIterator[FakeKubernetesApi]:
    async with FakeKubernetesApi().serve() as fake:
        yield fake


@asynccontextmanager
async def following(
    find: Callable[[str], ApiAccess], selector: str = ""
) -> AsyncIterator[tuple[NodeFollower, Steps]]:
    follower = NodeFollower(SystemClock(), lambda: -0.49, find, "file", selector)
    steps = Steps()
    task = asyncio.get_running_loop().create_task(follower.run(steps))
    try:
        yield follower, steps
    finally:
        task.cancel()
        await asyncio.wait([task])


async def test_only_chosen_nodes_are_followed(api: FakeKubernetesApi) -> None:
    api.put(a_node("a"))
    api.put(a_node("b"))
    async with following(lambda _: ApiAccess("t", api.url), "metadata.name=b") as (
        follower,
        _,
    ):
        await until(lambda: follower.nodes.connected)
        api.put(a_node("a", podCIDR="10.0.0.0/24"))
        api.put(a_node("b", podCIDR="10.0.1.0/24"))
        await until(lambda: follower.nodes.generation == 2)

        assert list(follower.nodes.objects) == ["b"]
        assert follower.server == api.url
        assert follower.next_attempt_ns == 0


async def test_what_changes_nothing_wakes_nobody(api: FakeKubernetesApi) -> None:
    api.put(a_node("a"))
    async with following(lambda _: ApiAccess("t", api.url)) as (follower, steps):
        await until(lambda: follower.nodes.connected)
        before = steps.count

        api.bookmark()
        api.put(a_node("a"))
        api.bookmark()
        await asyncio.sleep(0.05)

        assert steps.count == before


async def test_credentials_are_found_again_after_each_refusal(
    api: FakeKubernetesApi,
) -> None:
    api.token = "new"
    tokens = iter(["old", "older", "new"])
    used: list[str] = []

    def find(_: str) -> ApiAccess:
        used.append(next(tokens))
        return ApiAccess("t", api.url, _token=used[-1])

    async with following(find) as (follower, _):
        await until(lambda: follower.nodes.connected)

        assert used == ["old", "older", "new"]


async def test_no_way_in_is_tried_again_at_a_known_time() -> None:
    def find(_: str) -> ApiAccess:
        raise DriverError("find a kubeconfig", "nowhere")

    async with following(find) as (follower, steps):
        await until(lambda: steps.count >= 3)

        assert "nowhere" in follower.nodes.error
        assert follower.next_attempt_ns > 0
