import ssl
from pathlib import Path

import pytest

from discovery.drivers.tls_context import CannotUseCertificate, PageCertificate
from tests.discovery.certificates import make_certificate, write_pair


def name_served(context: ssl.SSLContext) -> str:
    """Shake hands in memory; return which of the names is in the certificate."""
    client = ssl.create_default_context()
    client.check_hostname = False
    client.verify_mode = ssl.CERT_NONE
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    asking = client.wrap_bio(to_client, to_server)
    answering = context.wrap_bio(to_server, to_client, server_side=True)
    for _ in range(4):
        for side in (asking, answering):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
    raw = asking.getpeercert(binary_form=True) or b""
    return next(name for name in ("one", "two") if name.encode() in raw)


def a_certificate(folder: Path) -> PageCertificate:
    return PageCertificate(*write_pair(folder, make_certificate("one")))


def test_new_files_serve_the_next_handshake(tmp_path: Path) -> None:
    context = a_certificate(tmp_path).context()
    before = name_served(context)

    write_pair(tmp_path, make_certificate("two"))

    assert (before, name_served(context)) == ("one", "two")


def test_files_replaced_by_renaming_are_noticed(tmp_path: Path) -> None:
    context = a_certificate(tmp_path).context()
    (tmp_path / "new").mkdir()
    for path in write_pair(tmp_path / "new", make_certificate("two")):
        path.replace(tmp_path / path.name)

    assert name_served(context) == "two"


@pytest.mark.parametrize("spoiled", ["tls.crt", "tls.key"])
@pytest.mark.parametrize("how", ["missing", "empty", "of another"])
def test_bad_files_keep_the_old_pair_serving(
    tmp_path: Path, spoiled: str, how: str
) -> None:
    context = a_certificate(tmp_path).context()
    path = tmp_path / spoiled
    if how == "missing":
        path.unlink()
    else:
        pair = dict(zip(("tls.crt", "tls.key"), make_certificate("two"), strict=True))
        path.write_bytes(pair[spoiled] if how == "of another" else b"")

    assert name_served(context) == "one"

    write_pair(tmp_path, make_certificate("two"))
    assert name_served(context) == "two"


def test_files_that_do_not_belong_together_are_refused_at_the_start(
    tmp_path: Path,
) -> None:
    certificate, _ = make_certificate("one")
    _, key = make_certificate("two")

    with pytest.raises(CannotUseCertificate, match="key values mismatch"):
        PageCertificate(*write_pair(tmp_path, (certificate, key)))


def test_missing_file_is_refused_at_the_start(tmp_path: Path) -> None:
    with pytest.raises(CannotUseCertificate, match="No such file"):
        PageCertificate(tmp_path / "no", tmp_path / "no")
