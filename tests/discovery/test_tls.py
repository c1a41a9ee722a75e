"""TLS of the API: what is spoken, who is let in, certificates that change."""

import asyncio
import ssl
from pathlib import Path

import grpc
import pytest

from discovery.api import cluster_pb2 as pb
from discovery.api.cluster_pb2_grpc import ClusterStub
from discovery.server import CannotServe
from tests.discovery.certificates import make_certificate, write_pair
from tests.discovery.running import a_service, code_of

Code = grpc.StatusCode
HELLO = pb.HelloRequest(cluster_id="c")
SERVER = make_certificate("server")
ALICE, MALLORY = make_certificate("alice"), make_certificate("mallory")


async def test_bad_certificate_at_start_cannot_serve(tmp_path: Path) -> None:
    one, other = make_certificate("one"), make_certificate("other")
    paths = write_pair(tmp_path, (one[0], other[1]))

    with pytest.raises(ExceptionGroup) as caught:
        async with a_service(certificate_path=paths[0], key_path=paths[1]):
            pass

    assert caught.group_contains(CannotServe, match="does not belong")


async def test_replaced_certificate_serves_new_connections(tmp_path: Path) -> None:
    one, other = make_certificate("one"), make_certificate("other")
    certificate, key = write_pair(tmp_path, one)

    async with a_service(certificate_path=certificate, key_path=key) as address:
        before = await _hello_with(address, one[0])
        write_pair(tmp_path, (other[0], one[1]))
        half_way = await _hello_with(address, one[0])
        write_pair(tmp_path, other)
        after = await _hello_with(address, other[0])

    assert (before, half_way, after) == (Code.OK, Code.OK, Code.OK)


async def _hello_with(
    address: str, trusted: bytes, own: tuple[bytes, bytes] = (b"", b"")
) -> grpc.StatusCode:
    certificate, key = own
    credentials = grpc.ssl_channel_credentials(
        trusted, key or None, certificate or None
    )
    options = (("grpc.use_local_subchannel_pool", 1),)
    async with grpc.aio.secure_channel(address, credentials, options) as channel:
        return await code_of(ClusterStub(channel).Hello(HELLO, timeout=10))


@pytest.mark.parametrize(
    ("version", "alpn"),
    [(ssl.TLSVersion.TLSv1_2, "h2"), (ssl.TLSVersion.TLSv1_3, "h2")],
)
async def test_tls_is_1_2_or_newer_with_h2(
    tmp_path: Path, version: ssl.TLSVersion, alpn: str
) -> None:
    certificate, key = write_pair(tmp_path, make_certificate("one"))
    context = ssl.create_default_context(cafile=certificate)
    context.minimum_version = context.maximum_version = version
    context.set_alpn_protocols([alpn])

    async with a_service(certificate_path=certificate, key_path=key) as address:
        host, _, port = address.rpartition(":")
        _, writer = await asyncio.open_connection(host, int(port), ssl=context)
        chosen = writer.get_extra_info("ssl_object").selected_alpn_protocol()
        writer.close()

    assert chosen == alpn


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1_1 is deprecated")
async def test_tls_1_1_is_refused(tmp_path: Path) -> None:
    certificate, key = write_pair(tmp_path, make_certificate("one"))
    context = ssl.create_default_context(cafile=certificate)
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1

    async with a_service(certificate_path=certificate, key_path=key) as address:
        host, _, port = address.rpartition(":")
        with pytest.raises((ssl.SSLError, ConnectionError)):
            await asyncio.open_connection(host, int(port), ssl=context)


@pytest.mark.parametrize(
    ("own", "expected"),
    [
        pytest.param(ALICE, Code.OK, id="known"),
        pytest.param(MALLORY, Code.UNAVAILABLE, id="unknown"),
        pytest.param((b"", b""), Code.UNAVAILABLE, id="none"),
    ],
)
async def test_with_an_authority_only_its_clients_are_served(
    tmp_path: Path, own: tuple[bytes, bytes], expected: grpc.StatusCode
) -> None:
    async with a_service(**_files(tmp_path, ALICE[0])) as address:
        assert await _hello_with(address, SERVER[0], own) is expected


async def test_replaced_authority_lets_others_in(tmp_path: Path) -> None:
    files = _files(tmp_path, ALICE[0])

    async with a_service(**files) as address:
        files["client_ca_path"].write_bytes(b"junk")
        half_way = await _hello_with(address, SERVER[0], ALICE)
        files["client_ca_path"].write_bytes(MALLORY[0])
        after = [await _hello_with(address, SERVER[0], own) for own in (ALICE, MALLORY)]

    assert half_way is Code.OK
    assert after == [Code.UNAVAILABLE, Code.OK]


async def test_authority_that_is_none_cannot_serve(tmp_path: Path) -> None:
    with pytest.raises(ExceptionGroup) as caught:
        async with a_service(**_files(tmp_path, b"junk")):
            pass

    assert caught.group_contains(CannotServe, match="authority of clients")


def _files(folder: Path, authority: bytes) -> dict[str, Path]:
    certificate, key = write_pair(folder, SERVER)
    client_ca = folder / "clients.crt"
    client_ca.write_bytes(authority)
    return {
        "certificate_path": certificate,
        "key_path": key,
        "client_ca_path": client_ca,
    }
