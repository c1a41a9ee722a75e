import logging
from pathlib import Path

import pytest

from discovery.drivers.certificate import CertificateError, CertificateFiles
from tests.discovery.certificates import make_certificate, write_pair

ONE, OTHER = make_certificate("one"), make_certificate("other")


def test_pair_is_read_again_only_when_it_changed(tmp_path: Path) -> None:
    files = CertificateFiles(*write_pair(tmp_path, ONE))
    files.load()

    unchanged = files.load_if_changed()
    write_pair(tmp_path, OTHER)
    changed = files.load_if_changed()

    assert unchanged is None
    assert changed is not None
    assert files.load_if_changed() is None


def test_pair_replaced_by_renaming_is_noticed(tmp_path: Path) -> None:
    certificate, key = write_pair(tmp_path, ONE)
    files = CertificateFiles(certificate, key)
    files.load()

    (tmp_path / "new").mkdir()
    new_certificate, new_key = write_pair(tmp_path / "new", OTHER)
    new_certificate.rename(certificate)
    new_key.rename(key)

    assert files.load_if_changed() is not None


@pytest.mark.parametrize(
    "pair",
    [
        pytest.param((OTHER[0], ONE[1]), id="half replaced"),
        pytest.param((b"", b""), id="empty"),
        pytest.param((b"junk", OTHER[1]), id="no certificate"),
        pytest.param((OTHER[0], b"junk"), id="no key"),
    ],
)
def test_bad_pair_is_told_once_and_the_old_one_stays(
    tmp_path: Path, pair: tuple[bytes, bytes], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "discovery")
    files = CertificateFiles(*write_pair(tmp_path, ONE))
    files.load()

    write_pair(tmp_path, pair)
    answers = [files.load_if_changed() for _ in range(3)]
    write_pair(tmp_path, OTHER)

    assert answers == [None, None, None]
    assert len(caplog.records) == 1
    assert files.load_if_changed() is not None


def test_missing_pair_is_told_once_and_found_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "discovery")
    certificate, key = write_pair(tmp_path, ONE)
    files = CertificateFiles(certificate, key)
    files.load()

    key.unlink()
    answers = [files.load_if_changed() for _ in range(3)]
    write_pair(tmp_path, OTHER)

    assert answers == [None, None, None]
    assert len(caplog.records) == 1
    assert files.load_if_changed() is not None


def test_bad_pair_at_start_is_an_error_that_names_the_file(tmp_path: Path) -> None:
    missing = tmp_path / "missing"

    with pytest.raises(CertificateError, match="missing: No such file"):
        CertificateFiles(missing, missing).load()


def test_chain_behind_the_certificate_is_no_harm(tmp_path: Path) -> None:
    pair = (ONE[0] + OTHER[0], ONE[1])

    CertificateFiles(*write_pair(tmp_path, pair)).load()


def test_changed_authority_of_clients_is_read_again(tmp_path: Path) -> None:
    authority = tmp_path / "clients.crt"
    authority.write_bytes(ONE[0])
    files = CertificateFiles(*write_pair(tmp_path, ONE), authority)
    files.load()

    authority.write_bytes(OTHER[0] + ONE[0])

    assert files.load_if_changed() is not None
    assert files.load_if_changed() is None


@pytest.mark.parametrize("content", [b"", b"junk", None])
def test_bad_authority_of_clients_is_an_error(
    tmp_path: Path, content: bytes | None
) -> None:
    authority = tmp_path / "clients.crt"
    if content is not None:
        authority.write_bytes(content)

    with pytest.raises(CertificateError, match=r"authority|clients\.crt"):
        CertificateFiles(*write_pair(tmp_path, ONE), authority).load()
