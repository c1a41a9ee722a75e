import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from kubespan.drivers.discovery.channel import CallFailed, Failure, Target
from kubespan.drivers.discovery.service import connect
from kubespan.drivers.discovery.unchecked import (
    certificate_from_der,
    look_at_certificate,
)
from tests.discovery.certificates import make_certificate as for_addresses
from tests.fakes.tls_service import a_tls_service, make_certificate

NOBODY = "127.0.0.1:9"


@asynccontextmanager
async def a_mute_server() -> AsyncIterator[str]:
    async def stay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter):
        await reader.read()
        writer.close()

    server = await asyncio.start_server(stay, "127.0.0.1", 0)
    async with server:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"


@asynccontextmanager
async def a_babbling_server() -> AsyncIterator[str]:
    async def babble(reader: asyncio.StreamReader, writer: asyncio.StreamWriter):
        writer.write(b"220 mail.example ESMTP\r\n" * 10)
        await reader.read()
        writer.close()

    server = await asyncio.start_server(babble, "127.0.0.1", 0)
    async with server:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def test_service_is_reached_whose_certificate_nobody_trusts(tmp_path: Path):
    async with a_tls_service(tmp_path, "elsewhere.example") as (endpoint, _):
        shown = await look_at_certificate(endpoint, 5)
        target = Target(endpoint, False, "", 1800, shown=shown)
        connection = connect(target, "c", {})
        answer = await connection.hello("v1.0.0", 5)
        await connection.close()

    assert shown.name == "elsewhere.example"
    assert answer.redirect == ""


async def test_nobody_is_said_so():
    with pytest.raises(CallFailed) as caught:
        await look_at_certificate(NOBODY, 5)

    assert caught.value.reason == "connection refused"


async def test_name_that_is_none_is_said_so():
    with pytest.raises(CallFailed) as caught:
        await look_at_certificate("nobody.invalid:443", 5)

    assert caught.value.reason == "host name not found"


async def test_silence_is_no_answer_in_time():
    async with a_mute_server() as endpoint:
        with pytest.raises(CallFailed) as caught:
            await look_at_certificate(endpoint, 0.2)

    assert caught.value.kind is Failure.LATE
    assert caught.value.reason == "no answer in time"


async def test_what_is_no_tls_is_said_so():
    async with a_babbling_server() as endpoint:
        with pytest.raises(CallFailed) as caught:
            await look_at_certificate(endpoint, 5)

    assert caught.value.reason == "the other side does not speak TLS"


@pytest.mark.parametrize(
    ("pem", "name"),
    [
        pytest.param(make_certificate("a.example")[0], "a.example", id="a name"),
        pytest.param(
            make_certificate("*.example.org")[0], "any.example.org", id="a wildcard"
        ),
        pytest.param(for_addresses("service")[0], "127.0.0.1", id="addresses only"),
    ],
)
def test_certificate_is_known_by_one_of_its_names(pem: bytes, name: str):
    shown = certificate_from_der(ssl.PEM_cert_to_DER_cert(pem.decode()))

    assert shown.name == name
    assert shown.pem.strip() == pem.strip()


@pytest.mark.parametrize("raw", [b"", b"junk"])
def test_what_is_no_certificate_is_refused(raw: bytes):
    with pytest.raises(ValueError):
        certificate_from_der(raw)
