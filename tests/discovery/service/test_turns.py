import asyncio
import ipaddress

import pytest

from discovery.metrics.metrics import Metrics
from discovery.service.refusal import Exhausted
from discovery.service.turns import Turns
from discovery.state.rate_limit import RateLimiter

S = 10**9
ONE = ipaddress.ip_address("192.0.2.1")


def some_turns(
    rate_per_s: float, burst: int = 1, buckets_max: int = 10
) -> tuple[Turns, Metrics]:
    metrics = Metrics()
    limiter = RateLimiter(rate_per_s, burst, buckets_max)
    return Turns(limiter, lambda: 0, metrics, 64), metrics


async def test_call_that_can_wait_waits_and_is_counted() -> None:
    turns, metrics = some_turns(rate_per_s=100)

    for _ in range(3):
        await turns.wait(ONE, 60 * S)

    assert metrics.calls_delayed == 2
    assert metrics.delay_s == pytest.approx(0.03)


async def test_call_that_cannot_wait_is_refused_and_counted() -> None:
    turns, metrics = some_turns(rate_per_s=1)
    await turns.wait(ONE, 0)

    with pytest.raises(Exhausted):
        await turns.wait(ONE, S // 2)

    assert metrics.calls_not_waited == 1


async def test_caller_without_an_address_is_not_limited() -> None:
    turns, _ = some_turns(rate_per_s=0.001)

    for _ in range(5):
        await turns.wait(None, 0)


async def test_addresses_of_one_ipv6_network_are_one_client() -> None:
    turns, _ = some_turns(rate_per_s=1)
    await turns.wait(ipaddress.ip_address("2001:db8::1"), 0)
    await turns.wait(ipaddress.ip_address("2001:db8:0:1::1"), 0)

    with pytest.raises(Exhausted):
        await turns.wait(ipaddress.ip_address("2001:db8::2"), 0)


async def test_strangers_share_what_is_left_when_all_buckets_are_taken() -> None:
    turns, _ = some_turns(rate_per_s=1, buckets_max=1)
    await turns.wait(ONE, 0)
    await turns.wait(ipaddress.ip_address("198.51.100.1"), 0)

    with pytest.raises(Exhausted):
        await turns.wait(ipaddress.ip_address("198.51.100.2"), 0)


async def test_call_cancelled_while_waiting_leaves_its_turn_to_others() -> None:
    turns, metrics = some_turns(rate_per_s=0.1)
    await turns.wait(ONE, 0)
    waiting = asyncio.create_task(turns.wait(ONE, 60 * S))
    await asyncio.sleep(0)

    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    next_one = asyncio.create_task(turns.wait(ONE, 60 * S))
    await asyncio.sleep(0)
    next_one.cancel()

    assert metrics.delay_s == pytest.approx(10 + 10)
