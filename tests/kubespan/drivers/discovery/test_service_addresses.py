import asyncio
import socket
from contextlib import asynccontextmanager

import pytest

from kubespan.drivers.discovery.service_addresses import ServiceAddresses, resolve
from kubespan.model.registry import ServiceAddress
from tests.builders import endpoints, ips
from tests.fakes.publisher import FakePublisher
from tests.fakes.virtual_time import run_virtually


class FakeResolver:
    """Answers from a table; a name it does not hold fails, one that hangs waits."""

    def __init__(self, **answers):
        self.answers = {name: ips(*texts) for name, texts in answers.items()}
        self.asked = []
        self.hanging = set()

    async def __call__(self, host):
        self.asked.append(host)
        if host in self.hanging:
            await asyncio.Event().wait()
        if host not in self.answers:
            raise socket.gaierror(socket.EAI_NONAME, "no such name")
        return self.answers[host]


@asynccontextmanager
async def running(addresses):
    publisher = FakePublisher()
    task = asyncio.create_task(addresses.run(publisher))
    await settle()
    try:
        yield publisher
    finally:
        task.cancel()
        await asyncio.wait({task})
        assert task.cancelled()


async def settle():
    for _ in range(20):
        await asyncio.sleep(0)


def service(name, *texts):
    return ServiceAddress(name, endpoints(*texts))


def said(publisher):
    return publisher.said[ServiceAddress]


async def test_addresses_are_published_at_once_without_resolving():
    resolver = FakeResolver()
    addresses = ServiceAddresses(resolver)
    addresses.deliver({"a": "192.0.2.7:3000", "b": "[2001:db8::7]:443"})

    async with running(addresses) as publisher:
        assert said(publisher) == {
            "a": service("a", "192.0.2.7:3000"),
            "b": service("b", "[2001:db8::7]:443"),
        }
    assert resolver.asked == []


async def test_without_services_the_kind_is_decided():
    async with running(ServiceAddresses(FakeResolver())) as publisher:
        assert said(publisher) == {}


async def test_names_are_resolved_sorted_and_without_repetition():
    resolver = FakeResolver(
        host=["2001:db8::7", "192.0.2.8", "192.0.2.7", "::ffff:192.0.2.7"]
    )
    addresses = ServiceAddresses(resolver)
    addresses.deliver({"a": "host:3000"})

    async with running(addresses) as publisher:
        expected = ("192.0.2.7:3000", "192.0.2.8:3000", "[2001:db8::7]:3000")
        assert said(publisher) == {"a": service("a", *expected)}


async def test_a_redirect_is_followed():
    addresses = ServiceAddresses(FakeResolver(host=["192.0.2.7"]))
    addresses.deliver({"a": "host:3000"})

    async with running(addresses) as publisher:
        addresses.deliver({"a": "192.0.2.9:3001"})
        await settle()

        assert said(publisher) == {"a": service("a", "192.0.2.9:3001")}


def test_names_are_looked_at_again_and_a_failure_keeps_what_was_known():
    resolver = FakeResolver(host=["192.0.2.7"])
    addresses = ServiceAddresses(resolver)
    addresses.deliver({"a": "host:3000"})

    async def scenario():
        seen = []
        async with running(addresses) as publisher:
            for answers in ({}, {"host": ips("192.0.2.8")}):
                resolver.answers = answers
                await asyncio.sleep(61)
                seen.append(said(publisher)["a"])
        return seen

    assert run_virtually(scenario()) == [
        service("a", "192.0.2.7:3000"),
        service("a", "192.0.2.8:3000"),
    ]


def test_a_name_that_was_never_resolved_is_looked_at_soon_again():
    resolver = FakeResolver()
    addresses = ServiceAddresses(resolver)
    addresses.deliver({"a": "host:3000"})

    async def scenario():
        async with running(addresses) as publisher:
            assert said(publisher) == {}
            resolver.answers["host"] = ips("192.0.2.7")
            await asyncio.sleep(6)
            return said(publisher)

    assert run_virtually(scenario()) == {"a": service("a", "192.0.2.7:3000")}


async def test_a_lookup_that_hangs_holds_up_nobody_and_is_not_repeated():
    resolver = FakeResolver(host=["192.0.2.7"])
    resolver.hanging.add("stuck")
    addresses = ServiceAddresses(resolver)
    addresses.deliver({"s": "stuck:1"})

    async with running(addresses) as publisher:
        for port in range(1, 9):
            addresses.deliver({"s": f"stuck:{port}", "a": "host:3000"})
            await settle()

        assert resolver.asked.count("stuck") == 1
        assert said(publisher) == {"a": service("a", "192.0.2.7:3000")}


async def test_addresses_of_one_name_are_bounded():
    resolver = FakeResolver(host=[f"192.0.2.{n}" for n in range(100)])
    addresses = ServiceAddresses(resolver)
    addresses.deliver({"a": "host:3000"})

    async with running(addresses) as publisher:
        assert len(said(publisher)["a"].endpoints) == 16


@pytest.mark.parametrize(
    "target", ["", "host", "host:0", "host:99999", "[::g]:1", "unix:/x:1", ":3000"]
)
async def test_what_is_no_target_is_left_out(target):
    resolver = FakeResolver()
    addresses = ServiceAddresses(resolver)
    addresses.deliver({"a": target, "b": "192.0.2.7:3000"})

    async with running(addresses) as publisher:
        assert said(publisher) == {"b": service("b", "192.0.2.7:3000")}
    assert resolver.asked == []


async def test_the_system_resolves_its_own_name():
    assert set(await resolve("localhost")) & set(ips("127.0.0.1", "::1"))
