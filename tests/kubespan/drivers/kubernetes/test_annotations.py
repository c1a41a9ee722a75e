import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from kubespan.drivers.clock import SystemClock
from kubespan.drivers.kubernetes import annotations as kubernetes_annotations
from kubespan.drivers.kubernetes.annotations import AnnotationWriter
from kubespan.drivers.kubernetes.kubeconfig import ApiAccess
from kubespan.model.affiliate import Affiliate
from tests.fakes.kubernetes_api import FakeKubernetesApi, a_node

NODE_ID = "cluster.talos.dev/node-id"


async def until(holds: Callable[[], object]) -> None:
    async with asyncio.timeout(10):
        while not holds():
            await asyncio.sleep(0.005)


@pytest.fixture
async def api() -> AsyncIterator[FakeKubernetesApi]:
    async with FakeKubernetesApi().serve() as fake:
        fake.put(a_node("ours", {"mine": "stays"}))
        yield fake


@asynccontextmanager
async def writing(api: FakeKubernetesApi) -> AsyncIterator[AnnotationWriter]:
    writer = AnnotationWriter(
        SystemClock(), lambda: -0.49, lambda _: ApiAccess("t", api.url)
    )
    work = writer.run("ours", "file", lambda: None)
    task = asyncio.get_running_loop().create_task(work)
    try:
        yield writer
    finally:
        task.cancel()
        await asyncio.wait([task])


def annotations(api: FakeKubernetesApi) -> dict:
    return api.node("ours")["metadata"]["annotations"]


async def test_nothing_is_written_before_there_is_an_affiliate(
    api: FakeKubernetesApi,
) -> None:
    async with writing(api) as writer:
        await asyncio.sleep(0.03)
        assert api.requests == []

        writer.deliver(Affiliate("id"))
        await until(lambda: writer.last_push_ns)

        assert annotations(api) == {"mine": "stays", NODE_ID: "id"}


async def test_a_node_that_appears_later_is_written_then(
    api: FakeKubernetesApi,
) -> None:
    api.delete("ours")
    async with writing(api) as writer:
        writer.deliver(Affiliate("id"))
        await until(lambda: "no such node" in writer.error)

        api.put(a_node("ours"))
        await until(lambda: writer.error == "")

        assert annotations(api) == {NODE_ID: "id"}


async def test_annotations_somebody_removed_come_back(
    api: FakeKubernetesApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kubernetes_annotations, "RECHECK_S", 0.01)
    async with writing(api) as writer:
        writer.deliver(Affiliate("id"))
        await until(lambda: NODE_ID in annotations(api))

        api.put(a_node("ours"))

        await until(lambda: NODE_ID in annotations(api))


async def test_only_the_newest_affiliate_is_written(api: FakeKubernetesApi) -> None:
    async with writing(api) as writer:
        for number in range(100):
            writer.deliver(Affiliate(f"id-{number}"))
        await until(lambda: annotations(api).get(NODE_ID) == "id-99")

    assert api.count("patch") == 1


async def test_a_cancellation_that_comes_with_news_is_not_lost(
    api: FakeKubernetesApi,
) -> None:
    writer = AnnotationWriter(
        SystemClock(), lambda: -0.49, lambda _: ApiAccess("t", api.url)
    )
    work = writer.run("ours", "file", lambda: None)
    task = asyncio.get_running_loop().create_task(work)
    await asyncio.sleep(0.01)

    writer.deliver(Affiliate("id"))
    task.cancel()

    _, unfinished = await asyncio.wait([task], timeout=5)
    assert not unfinished
