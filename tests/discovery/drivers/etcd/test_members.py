import asyncio
import os
from pathlib import Path

import grpc
import pytest

from discovery.drivers.etcd.client import EtcdClient
from discovery.drivers.etcd.failure import EtcdError
from discovery.drivers.etcd.members import Members, TlsFiles
from tests.discovery.certificates import make_certificate, write_pair
from tests.etcd_processes import an_etcd, needs_etcd


def some_files(folder: Path, name: str = "etcd") -> TlsFiles:
    certificate, key = write_pair(folder, make_certificate(name))
    return TlsFiles(certificate, certificate, key)


async def test_who_failed_is_asked_last() -> None:
    members = Members(("a:1", "b:1", "c:1"))

    members.avoid("a:1")
    members.avoid("c:1")

    assert members.names == ("b:1", "a:1", "c:1")
    assert isinstance(members.channel("a:1"), grpc.aio.Channel)
    await members.close()


async def test_member_named_twice_has_one_connection() -> None:
    members = Members(("a:1", "a:1"))

    members.avoid("a:1")

    assert members.names == ("a:1",)
    await members.close()


def test_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(EtcdError, match=r"ca.pem: No such file"):
        TlsFiles(tmp_path / "ca.pem").credentials()


@pytest.mark.parametrize("content", [b"", b"nonsense", b"-----BEGIN CERTIFICATE-----"])
def test_file_that_is_no_certificate_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "ca.pem"
    path.write_bytes(content)

    with pytest.raises(EtcdError, match="not valid PEM"):
        TlsFiles(path).credentials()


def test_key_of_another_certificate_is_refused(tmp_path: Path) -> None:
    files = some_files(tmp_path)
    (tmp_path / "tls.key").write_bytes(make_certificate("other")[1])

    with pytest.raises(EtcdError, match="does not belong"):
        files.credentials()


async def test_connections_are_made_anew_only_if_files_changed(tmp_path: Path) -> None:
    files = some_files(tmp_path)
    members = Members(("a:1",), files)
    first = members.channel("a:1")

    await members.renew()
    unchanged = members.channel("a:1")
    some_files(tmp_path, "new")
    os.utime(tmp_path / "tls.crt", (1, 1))
    await members.renew()
    changed = members.channel("a:1")

    assert unchanged is first
    assert changed is not first
    await members.close()


@pytest.mark.parametrize("content", [b"broken", None])
async def test_bad_new_files_leave_the_old_ones_in_use(
    tmp_path: Path, content: bytes | None
) -> None:
    members = Members(("a:1",), some_files(tmp_path))
    first = members.channel("a:1")
    (tmp_path / "tls.crt").unlink()
    if content is not None:
        (tmp_path / "tls.crt").write_bytes(content)

    await members.renew()

    assert members.channel("a:1") is first
    await members.close()


@pytest.mark.interop
@needs_etcd
async def test_etcd_with_certificates_answers_who_has_one(tmp_path: Path) -> None:
    files = some_files(tmp_path)
    names = tuple(map(str, (files.ca_path, files.certificate_path, files.key_path)))

    with an_etcd(tmp_path, tls=names) as cluster:  # type: ignore[arg-type] # three
        with_certificate = Members(cluster.endpoints, files)
        without = Members(cluster.endpoints, TlsFiles(files.ca_path))
        in_the_clear = Members(cluster.endpoints)
        async with asyncio.timeout(30):
            head = await EtcdClient(with_certificate).head(b"p/")
            for members in (without, in_the_clear):
                with pytest.raises(EtcdError):
                    await EtcdClient(members).head(b"p/")

        assert head.revision > 0
        for members in (with_certificate, without, in_the_clear):
            await members.close()
