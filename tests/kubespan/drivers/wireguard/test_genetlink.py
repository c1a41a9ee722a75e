import asyncio
import errno
import socket

import pytest

from kubespan.drivers.wireguard import genetlink
from kubespan.drivers.wireguard.genetlink import dump_generic, request_generic
from kubespan.errors import DriverError
from kubespan.wire.netlink import (
    DONE,
    DUMP_INTERRUPTED,
    encode_attribute,
    encode_family_question,
    encode_generic,
    encode_message,
    parse_family_answer,
    split_messages,
)

# The control family is in every kernel and answers everybody; the first tests ask it.
# The last ones play the kernel on a socket pair. WireGuard's own family is tried by
# tests/contracts/test_wireguard.py, on a kernel that has it.

CONTROL = "nlctrl"


async def test_dump_of_the_real_kernel_is_complete():
    every_family = encode_generic(3, b"")

    payloads = await dump_generic(CONTROL, every_family, "list families")

    assert 16 in [parse_family_answer(payload) for payload in payloads]


async def test_requests_of_the_real_kernel_are_acknowledged():
    question = encode_family_question(CONTROL)

    await request_generic(CONTROL, [question, question], "ask twice")


async def test_unknown_family_is_said_to_be_missing():
    with pytest.raises(DriverError, match="this kernel has no kubespan-none") as caught:
        await request_generic("kubespan-none", [], "configure")

    assert caught.value.errno == errno.ENOENT


async def test_refusal_of_the_real_kernel_comes_with_its_errno():
    unknown = encode_family_question("kubespan-none")

    with pytest.raises(DriverError, match=r"ask: No such file") as caught:
        await request_generic(CONTROL, [unknown], "ask")

    assert caught.value.errno == errno.ENOENT


class FakeKernel:
    """The other end of a socket: a family, and answers in order."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *answers: list[bytes]) -> None:
        ours, self.end = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        ours.setblocking(False)
        self.end.setblocking(False)
        self.answers = [[self.family()], *answers]

        class Opened:
            def __enter__(self) -> socket.socket:
                return ours

            def __exit__(self, *_: object) -> None:
                ours.close()

        monkeypatch.setattr(genetlink, "_opened", lambda _: Opened())

    @staticmethod
    def family() -> bytes:
        return encode_generic(1, encode_attribute(1, b"\x1e\0"))

    async def serve(self) -> None:
        loop = asyncio.get_running_loop()
        for answers in self.answers:
            (request,) = split_messages(await loop.sock_recv(self.end, 65536))
            late = encode_message(30, 0, request.sequence ^ 2, b"late")
            await loop.sock_sendall(self.end, late)
            for payload in answers:
                flags = DUMP_INTERRUPTED if payload == b"torn" else 0
                message = encode_message(30, flags, request.sequence, payload)
                await loop.sock_sendall(self.end, message)
            done = encode_message(DONE, 0, request.sequence, bytes(4))
            await loop.sock_sendall(self.end, done)
        self.end.close()


async def test_dump_that_was_interrupted_is_made_again(monkeypatch):
    kernel = FakeKernel(monkeypatch, [b"half", b"torn"], [b"one", b"two"])

    async with asyncio.TaskGroup() as group:
        group.create_task(kernel.serve())
        found = await dump_generic("wireguard", b"", "look")

    assert found == [b"one", b"two"]


async def test_dump_that_is_interrupted_for_ever_is_given_up(monkeypatch):
    kernel = FakeKernel(monkeypatch, *[[b"torn"]] * genetlink.DUMP_ATTEMPTS)

    async with asyncio.TaskGroup() as group:
        group.create_task(kernel.serve())
        with pytest.raises(DriverError, match="changed while they were listed"):
            await dump_generic("wireguard", b"", "look")


async def test_kernel_that_does_not_answer_is_an_error(monkeypatch):
    kernel = FakeKernel(monkeypatch)
    monkeypatch.setattr(genetlink, "REQUEST_TIMEOUT_S", 0.01)

    with pytest.raises(DriverError, match="does not answer"):
        await dump_generic("wireguard", b"", "look")
    kernel.end.close()


async def test_no_socket_is_an_error(monkeypatch):
    monkeypatch.setattr(genetlink, "NETLINK_GENERIC", 31)

    with pytest.raises(DriverError, match="look: ") as caught:
        await dump_generic("wireguard", b"", "look")

    assert caught.value.errno == errno.EPROTONOSUPPORT
