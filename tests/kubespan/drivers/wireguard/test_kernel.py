import errno
from collections.abc import Iterable

import pytest

from kubespan.drivers.wireguard import kernel as wireguard_kernel
from kubespan.drivers.wireguard.kernel import change_kernel_device, read_kernel_device
from kubespan.errors import DriverError
from kubespan.logic.mesh.wireguard_diff import diff_wireguard
from kubespan.model.wireguard import WireGuardChange, WireGuardDevice
from kubespan.wire.wireguard_netlink import encode_change
from tests.wireguard_builders import LINK, a_peer, a_spec

# On a kernel that has WireGuard: tests/contracts/test_wireguard.py.


class FakeFamily:
    """What the kernel was asked, and what it refuses."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.requests: list[list[bytes]] = []
        self.refusals: list[DriverError] = []
        self.dump: list[bytes] = []
        monkeypatch.setattr(wireguard_kernel, "request_generic", self.request)
        monkeypatch.setattr(wireguard_kernel, "dump_generic", self.look)

    async def request(
        self, family: str, payloads: Iterable[bytes], operation: str
    ) -> None:
        self.requests.append(list(payloads))
        if self.refusals:
            raise self.refusals.pop(0)

    async def look(self, family: str, payload: bytes, operation: str) -> list[bytes]:
        return self.dump


@pytest.fixture
def family(monkeypatch: pytest.MonkeyPatch) -> FakeFamily:
    return FakeFamily(monkeypatch)


CHANGE = diff_wireguard(a_spec(a_peer()), WireGuardDevice(LINK, 0.0, present=True))


async def test_change_is_sent_as_encoded(family: FakeFamily):
    await change_kernel_device(CHANGE)

    assert family.requests == [encode_change(CHANGE)]


async def test_port_in_use_is_told_after_everything_else_was_set(family: FakeFamily):
    family.refusals = [DriverError("configure", "in use", errno.EADDRINUSE)]

    with pytest.raises(DriverError, match="in use"):
        await change_kernel_device(CHANGE)

    without_port = WireGuardChange(
        LINK,
        private_key=CHANGE.private_key,
        mark=CHANGE.mark,
        set_peers=CHANGE.set_peers,
    )
    assert family.requests[1:] == [encode_change(without_port)]


async def test_another_refusal_is_not_tried_again(family: FakeFamily):
    family.refusals = [DriverError("configure", "no", errno.EPERM)]

    with pytest.raises(DriverError, match="no"):
        await change_kernel_device(CHANGE)

    assert len(family.requests) == 1


async def test_dump_is_decoded(family: FakeFamily):
    family.dump = encode_change(CHANGE)

    device = await read_kernel_device(LINK, 4.0)

    assert (device.listen_port, device.mark, device.observed_s) == (51820, 0x20, 4.0)
    assert device.peers[0].allowed_ips == a_peer().allowed_ips


async def test_dump_without_meaning_is_the_hosts_fault(family: FakeFamily):
    family.dump = [b"?"]

    with pytest.raises(DriverError, match="look at WireGuard kubespan: netlink"):
        await read_kernel_device(LINK, 0.0)


async def test_endpoint_that_cannot_be_encoded_is_refused(family: FakeFamily):
    endpoint = a_peer().endpoint
    assert endpoint is not None
    scoped = type(endpoint).from_text("[fe80::1%eth0]:1")
    change = diff_wireguard(a_spec(a_peer(endpoint=scoped)), WireGuardDevice(LINK, 0.0))

    with pytest.raises(DriverError, match="scope"):
        await change_kernel_device(change)
