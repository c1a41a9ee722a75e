import asyncio
from types import SimpleNamespace

import pytest
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse

from discovery.service import health
from discovery.service.call import Call
from discovery.service.health import Health, handler_from_health
from discovery.service.lifetime import Lifetime
from discovery.service.refusal import Exhausted, NotKnown, UnreadableRequest
from discovery.service.store import StoreHealth
from tests.fakes.calls import FakeContext, some_interceptors

CALL = Call("Health/Check", None)
API = "sidero.discovery.server.Cluster"
SERVING = HealthCheckResponse.SERVING
NOT_SERVING = HealthCheckResponse.NOT_SERVING
SERVICE_UNKNOWN = HealthCheckResponse.SERVICE_UNKNOWN


def a_ready_lifetime() -> Lifetime:
    lifetime = Lifetime()
    lifetime.listening = True
    lifetime.read_store = lambda: StoreHealth(ready=True)
    return lifetime


def asked(name: str) -> bytes:
    return HealthCheckRequest(service=name).SerializeToString()


def told(raw: bytes) -> int:
    return HealthCheckResponse.FromString(raw).status


@pytest.mark.parametrize("name", ["", API])
async def test_check_tells_whether_clients_are_wanted(name: str) -> None:
    lifetime = a_ready_lifetime()
    service = Health(lifetime)

    before = told(await service.check(asked(name), CALL))
    lifetime.draining = True
    after = told(await service.check(asked(name), CALL))

    assert (before, after) == (SERVING, NOT_SERVING)


async def test_check_of_another_service_is_not_found() -> None:
    with pytest.raises(NotKnown):
        await Health(a_ready_lifetime()).check(asked("other"), CALL)


async def test_check_of_garbage_is_unreadable() -> None:
    with pytest.raises(UnreadableRequest):
        await Health(a_ready_lifetime()).check(b"\xff", CALL)


@pytest.mark.parametrize(
    ("name", "expected"),
    [("", [SERVING, NOT_SERVING]), ("other", [SERVICE_UNKNOWN])],
    ids=["known", "unknown"],
)
async def test_watch_tells_at_once_and_at_changes_only(
    name: str, expected: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "LOOK_S", 0.001)
    lifetime, context = a_ready_lifetime(), FakeContext()
    watch = Health(lifetime).watch(asked(name), context, some_interceptors())
    watching = asyncio.create_task(watch)
    await asyncio.sleep(0.02)

    lifetime.draining = True
    await asyncio.sleep(0.02)
    watching.cancel()

    assert [told(message) for message in context.messages] == expected


async def test_watches_of_health_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "WATCHES_MAX", 1)
    service, rules = Health(a_ready_lifetime()), some_interceptors()
    first = asyncio.create_task(service.watch(b"", FakeContext(), rules))
    await asyncio.sleep(0)

    with pytest.raises(Exhausted):
        await service.watch(b"", FakeContext(), rules)
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    third = asyncio.create_task(service.watch(b"", FakeContext(), rules))
    await asyncio.sleep(0)

    assert not third.done()
    third.cancel()


def test_both_methods_are_served() -> None:
    table = handler_from_health(Health(Lifetime()), some_interceptors())

    for method in ("Check", "Watch"):
        path = SimpleNamespace(method=f"/grpc.health.v1.Health/{method}")
        assert table.service(path) is not None
