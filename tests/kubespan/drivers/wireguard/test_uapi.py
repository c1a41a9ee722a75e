import asyncio
import errno
import os
import socket
from pathlib import Path

import pytest

from kubespan.drivers.wireguard import uapi as wireguard_uapi
from kubespan.drivers.wireguard.uapi import UapiSocket
from kubespan.errors import DriverError
from kubespan.model.wireguard import WireGuardChange
from tests.fakes.uapi import serving
from tests.wireguard_builders import LINK


@pytest.fixture
def uapi(tmp_path: Path) -> UapiSocket:
    return UapiSocket(LINK, tmp_path)


async def test_device_is_asked_for_and_read(uapi: UapiSocket):
    answer = b"listen_port=7\nfwmark=32\nerrno=0\n\n"

    async with serving(uapi.path, lambda _: answer) as requests:
        device = await uapi.read_device(5.0)

    assert requests == [b"get=1\n\n"]
    assert (device.listen_port, device.mark, device.observed_s) == (7, 32, 5.0)


async def test_change_is_one_request(uapi: UapiSocket):
    async with serving(uapi.path, lambda _: b"errno=0\n\n") as requests:
        await uapi.change_device(WireGuardChange(LINK, mark=32))

    assert requests == [b"set=1\nfwmark=32\n\n"]


async def test_answer_larger_than_a_stream_usually_takes_is_read(uapi: UapiSocket):
    answer = b"protocol_version=1\n" * 50_000 + b"errno=0\n\n"

    async with serving(uapi.path, lambda _: answer):
        device = await uapi.read_device(0.0)

    assert device.present


@pytest.mark.parametrize(
    ("answer", "code", "words"),
    [
        pytest.param(b"errno=-22\n\n", errno.EINVAL, "refuses", id="refusal"),
        pytest.param(None, errno.EPROTO, "breaks off", id="hang-up"),
        pytest.param(b"what?\n\n", None, "errno", id="no errno"),
        pytest.param(b"listen_port=x\nerrno=0\n\n", None, "malformed", id="malformed"),
    ],
)
async def test_answer_that_does_not_serve_is_an_error(
    uapi: UapiSocket, answer: bytes | None, code: int | None, words: str
):
    async with serving(uapi.path, lambda _: answer):
        with pytest.raises(DriverError, match=words) as caught:
            await uapi.read_device(0.0)

    assert caught.value.errno == code
    assert caught.value.operation == "look at WireGuard kubespan"


async def test_program_that_hangs_is_an_error(
    uapi: UapiSocket, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(wireguard_uapi, "REQUEST_TIMEOUT_S", 0.01)

    async with serving(uapi.path, lambda _: b""):
        with pytest.raises(DriverError, match="does not answer") as caught:
            await uapi.read_device(0.0)

    assert caught.value.errno == errno.ETIMEDOUT


async def test_endless_answer_is_cut_off(
    uapi: UapiSocket, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(wireguard_uapi, "ANSWER_MAX_BYTES", 1000)

    async with serving(uapi.path, lambda _: b"x" * 100_000):
        with pytest.raises(DriverError, match="breaks off"):
            await uapi.read_device(0.0)


async def test_requests_wait_for_each_other(uapi: UapiSocket):
    running, most = 0, 0

    def answer(_: bytes) -> bytes:
        nonlocal running, most
        running += 1
        most = max(most, running)
        running -= 1
        return b"errno=0\n\n"

    async with serving(uapi.path, answer) as requests, asyncio.TaskGroup() as group:
        for _ in range(5):
            group.create_task(uapi.read_device(0.0))

    assert len(requests) == 5
    assert most == 1


async def test_owner_is_who_listens(uapi: UapiSocket):
    async with serving(uapi.path, lambda _: b""):
        assert await uapi.owner() == os.getpid()


async def test_nobody_owns_a_socket_that_is_not_there_or_left_behind(uapi: UapiSocket):
    missing = await uapi.owner()
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(uapi.path))
    stale = await uapi.owner()

    assert missing is None
    assert stale is None


async def test_socket_that_is_none_is_an_error(uapi: UapiSocket):
    with pytest.raises(DriverError, match="Not a directory"):
        await UapiSocket("x", Path("/dev/null")).owner()


async def test_port_in_use_is_not_even_asked_for(uapi: UapiSocket):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as held:
        held.bind(("127.0.0.1", 0))
        change = WireGuardChange(LINK, listen_port=held.getsockname()[1], mark=32)

        async with serving(uapi.path, lambda _: b"errno=0\n\n") as requests:
            with pytest.raises(DriverError, match="in use") as caught:
                await uapi.change_device(change)

    assert caught.value.errno == errno.EADDRINUSE
    assert requests == [b"set=1\nfwmark=32\n\n"]
