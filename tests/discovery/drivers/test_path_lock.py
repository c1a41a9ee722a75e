import stat
from pathlib import Path

import pytest

from discovery.drivers.path_lock import PathLock


def test_only_one_has_it(tmp_path: Path) -> None:
    path = tmp_path / "made" / "state.binpb"
    one, other = PathLock(path), PathLock(path)

    assert one.acquire()
    assert not other.acquire()
    one.release()

    assert other.acquire()
    other.release()


def test_release_without_having_it_is_harmless(tmp_path: Path) -> None:
    lock = PathLock(tmp_path / "state.binpb")

    lock.release()
    assert lock.acquire()
    lock.release()
    lock.release()

    mode = (tmp_path / "state.binpb.lock").stat().st_mode
    assert stat.S_IMODE(mode) == 0o600


def test_place_without_folder_is_an_error() -> None:
    with pytest.raises(OSError, match="/proc"):
        PathLock(Path("/proc/none/state.binpb")).acquire()
