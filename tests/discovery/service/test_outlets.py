import asyncio
import ipaddress

import pytest

from discovery.service.outlets import OUTLETS, Outlet, Outlets
from discovery.service.refusal import Exhausted

ONE, OTHER = ipaddress.ip_address("192.0.2.1"), ipaddress.ip_address("192.0.2.2")
SAME_HOST = [ipaddress.ip_address(f"2001:db8::{n}") for n in (1, 2)]


async def all_of(outlets: Outlets, address: object) -> list[Outlet]:
    return [await outlets.take(address) for _ in range(OUTLETS)]


async def test_client_that_reads_nothing_is_refused_and_nobody_else() -> None:
    outlets = Outlets(0.01)
    await all_of(outlets, ONE)

    with pytest.raises(Exhausted, match="too much unread"):
        await outlets.take(ONE)
    await outlets.take(OTHER)


async def test_addresses_of_one_ipv6_network_are_one_client() -> None:
    outlets = Outlets(0.01)
    await all_of(outlets, SAME_HOST[0])

    with pytest.raises(Exhausted):
        await outlets.take(SAME_HOST[1])


async def test_who_waits_goes_on_when_an_outlet_is_free() -> None:
    outlets, done = Outlets(5.0), []

    async def use(number: int) -> None:
        outlet = await outlets.take(ONE)
        await asyncio.sleep(0)
        done.append(number)
        outlet.release()

    async with asyncio.TaskGroup() as group:
        for number in range(3 * OUTLETS):
            group.create_task(use(number))

    assert sorted(done) == list(range(3 * OUTLETS))


async def test_outlet_given_back_twice_is_one_outlet() -> None:
    outlets = Outlets(0.01)
    taken = await all_of(outlets, ONE)

    taken[0].release()
    taken[0].release()
    await outlets.take(ONE)

    with pytest.raises(Exhausted):
        await outlets.take(ONE)


async def test_nothing_is_kept_of_clients_that_use_none() -> None:
    outlets = Outlets(0.01)
    taken = await all_of(outlets, None)
    with pytest.raises(Exhausted):
        await outlets.take(None)
    waiting = asyncio.create_task(outlets.take(None))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.wait([waiting])

    for outlet in taken:
        outlet.release()

    assert len(outlets) == 0
