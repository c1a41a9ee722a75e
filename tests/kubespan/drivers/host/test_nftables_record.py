import stat
from pathlib import Path

import pytest

from kubespan.drivers.host.nftables_record import RECORD_MAX_BYTES, TableRecord
from kubespan.errors import DriverError


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "nft-table"


@pytest.mark.parametrize("names", [set(), {"kubespan"}, {"kubespan", "mesh"}])
def test_names_are_loaded_as_they_were_saved(path: Path, names: set[str]) -> None:
    TableRecord(path).save(names)

    assert TableRecord(path).load() == names


def test_file_is_readable_by_us_alone_and_goes_with_the_last_name(path: Path) -> None:
    record = TableRecord(path)
    record.save({"kubespan"})
    mode = stat.S_IMODE(path.stat().st_mode)

    record.save(())
    record.save(())

    assert mode == 0o600
    assert list(path.parent.iterdir()) == []


def test_same_names_are_not_written_again(path: Path) -> None:
    record = TableRecord(path)
    record.save({"kubespan"})
    path.unlink()

    record.save({"kubespan"})

    assert not path.exists()


@pytest.mark.parametrize(
    ("content", "names"),
    [
        pytest.param(b"", set(), id="empty"),
        pytest.param(b"\xff\xfe\x00", set(), id="no text"),
        pytest.param(b"a;flush ruleset\nmesh", {"mesh"}, id="a command"),
        pytest.param(b"mesh\n" * RECORD_MAX_BYTES, set(), id="huge"),
    ],
)
def test_what_is_no_name_is_passed_over(
    path: Path, content: bytes, names: set[str]
) -> None:
    path.write_bytes(content)

    assert TableRecord(path).load() == names


def test_disk_that_refuses_is_quoted_and_asked_again(path: Path) -> None:
    record = TableRecord(path)
    path.mkdir()

    for names in ({"kubespan"}, {"kubespan"}, ()):
        with pytest.raises(DriverError, match="remember the firewall table's name"):
            record.save(names)
    path.rmdir()
    record.save({"kubespan"})

    assert TableRecord(path).load() == {"kubespan"}
