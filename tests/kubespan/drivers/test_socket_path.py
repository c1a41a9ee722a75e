import socket
from pathlib import Path

import pytest

from kubespan.drivers.socket_path import require_free
from kubespan.errors import DriverError


def a_file(folder: Path) -> Path:
    (folder / "file").touch()
    return folder / "file"


@pytest.mark.parametrize(
    ("path_in", "reason"),
    [
        pytest.param(lambda d: d, "something else has that name", id="a directory"),
        pytest.param(a_file, "something else has that name", id="a file"),
        pytest.param(
            lambda d: a_file(d) / "s", "file is not a directory", id="below a file"
        ),
        pytest.param(lambda d: d / ("x" * 110), "at most 107 bytes", id="too long"),
    ],
)
def test_path_that_cannot_be_a_socket_is_refused_in_words(tmp_path, path_in, reason):
    with pytest.raises(DriverError, match=reason):
        require_free(path_in(tmp_path))


def test_place_where_another_listens_is_not_taken_from_it(tmp_path):
    path = tmp_path / "s"
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(path))
        other.listen()

        with pytest.raises(DriverError, match="another program listens there"):
            require_free(path)

    assert path.is_socket()


def test_socket_that_a_killed_daemon_left_is_in_no_way(tmp_path):
    path = tmp_path / "s"
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(path))

    require_free(path)


def test_place_that_is_not_there_yet_is_free(tmp_path):
    require_free(tmp_path / "new" / "s")
