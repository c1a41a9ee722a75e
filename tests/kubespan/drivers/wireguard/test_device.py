import asyncio
from collections.abc import Callable

import pytest

from kubespan.drivers.wireguard.device import WireGuardWatch
from kubespan.errors import DriverError
from kubespan.model.wireguard import (
    WireGuardChange,
    WireGuardDevice,
    WireGuardPeerChange,
)
from tests.builders import changed
from tests.fakes.clock import FakeClock
from tests.fakes.publisher import FakePublisher
from tests.fakes.wireguard import FakeWireGuardDriver, FakeWireGuardHost
from tests.wireguard_builders import LINK, PRESHARED, a_key, a_link, networks_of

PEER = WireGuardPeerChange(
    a_key(1), new=True, preshared_key=PRESHARED, allowed_ips=networks_of(1)
)

# What these classes do with devices is in tests/contracts/test_wireguard.py.


class SlowDriver(FakeWireGuardDriver):
    """Takes time to look, and may be refused."""

    def __init__(self, host: FakeWireGuardHost, takes_s: float = 0.0) -> None:
        super().__init__(host, LINK)
        self.takes_s = takes_s
        self.looks = 0
        self.refusal: DriverError | None = None

    async def observe(self) -> WireGuardDevice:
        self.looks += 1
        if self.refusal:
            raise self.refusal
        self.host.clock.advance(self.takes_s)
        return await super().observe()


class Watched:
    """A watch with everything around it; waiting is noted, not done."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, takes_s: float = 0.0) -> None:
        self.host = FakeWireGuardHost(clock=FakeClock())
        self.driver = SlowDriver(self.host, takes_s)
        self.changes = 0
        self.publisher = FakePublisher()
        self.watch = WireGuardWatch(self.driver, self.host.clock, self.changed)  # type: ignore[arg-type] # a fake of the same shape
        self.waits_s: list[float] = []
        self.woken = asyncio.Event()
        monkeypatch.setattr(asyncio, "timeout", self.timeout)

    def changed(self) -> None:
        self.changes += 1

    def timeout(self, delay_s: float) -> asyncio.Timeout:
        """Note how long the watch would wait; wait as briefly as possible."""
        self.waits_s.append(delay_s)
        loop = asyncio.get_running_loop()
        return asyncio.Timeout(loop.time() + (0.001 if len(self.waits_s) < 3 else 60))

    async def run_until(self, condition: Callable[[], bool]) -> None:
        task = asyncio.get_running_loop().create_task(self.watch.run(self.publisher))
        while not condition():
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])


async def test_device_is_published_every_second(monkeypatch: pytest.MonkeyPatch):
    watched = Watched(monkeypatch)
    watched.host.add(a_link())

    await watched.run_until(lambda: len(watched.waits_s) == 3)

    assert watched.waits_s == [1.0, 1.0, 1.0]
    assert watched.driver.looks == 3
    (device,) = watched.publisher.said[WireGuardDevice].values()
    assert device.present
    assert device.observed_s == watched.host.clock.now_s()


async def test_absent_device_is_published_too(monkeypatch: pytest.MonkeyPatch):
    watched = Watched(monkeypatch)

    await watched.run_until(lambda: bool(watched.waits_s))

    (device,) = watched.publisher.said[WireGuardDevice].values()
    assert not device.present


async def test_looking_costs_at_most_a_two_hundredth(monkeypatch: pytest.MonkeyPatch):
    watched = Watched(monkeypatch, takes_s=0.02)

    await watched.run_until(lambda: bool(watched.waits_s))

    assert watched.waits_s[0] == pytest.approx(4.0)


async def test_poke_makes_it_look_at_once(monkeypatch: pytest.MonkeyPatch):
    watched = Watched(monkeypatch)

    await watched.run_until(lambda: len(watched.waits_s) == 3)
    looks = watched.driver.looks
    watched.watch.poke()
    await watched.run_until(lambda: len(watched.waits_s) == 4)

    assert watched.driver.looks == looks + 1


async def test_coming_and_going_is_told_but_not_the_first_look(
    monkeypatch: pytest.MonkeyPatch,
):
    watched = Watched(monkeypatch)
    watched.host.add(a_link())

    await watched.run_until(lambda: len(watched.waits_s) == 1)
    first = watched.changes
    watched.host.remove(LINK)
    await watched.run_until(lambda: len(watched.waits_s) == 2)
    gone = watched.changes
    watched.host.add(a_link())
    await watched.run_until(lambda: len(watched.waits_s) == 3)

    assert (first, gone, watched.changes) == (0, 1, 2)


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(WireGuardChange(LINK, mark=0x99), id="another mark"),
        pytest.param(WireGuardChange(LINK, listen_port=99), id="another port"),
        pytest.param(WireGuardChange(LINK, remove=(PEER.public_key,)), id="peer gone"),
        pytest.param(
            WireGuardChange(
                LINK, set_peers=(changed(PEER, new=False, allowed_ips=()),)
            ),
            id="allowed IPs gone",
        ),
    ],
)
async def test_what_somebody_configured_is_told_once(
    monkeypatch: pytest.MonkeyPatch, damage: WireGuardChange
):
    watched = Watched(monkeypatch)
    watched.host.add(a_link())
    await watched.driver.apply(WireGuardChange(LINK, set_peers=(PEER,)))

    await watched.run_until(lambda: len(watched.waits_s) == 1)
    await watched.driver.apply(damage)
    await watched.run_until(lambda: len(watched.waits_s) == 2)
    told = watched.changes
    await watched.run_until(lambda: len(watched.waits_s) == 3)

    assert (told, watched.changes) == (1, 1)


async def test_refusal_ends_the_source_for_the_engine_to_start_again(
    monkeypatch: pytest.MonkeyPatch,
):
    watched = Watched(monkeypatch)
    watched.driver.refusal = DriverError("look", "no")

    with pytest.raises(DriverError, match="no"):
        await watched.watch.run(watched.publisher)
