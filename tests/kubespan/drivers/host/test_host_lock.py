import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from kubespan.drivers.host.host_lock import HostLock
from kubespan.errors import DriverError


@pytest.fixture
def name(tmp_path) -> str:
    """A name of this test's own, in the namespace all tests share."""
    return f"kubespan-test{tmp_path}"


def test_second_daemon_is_told_who_is_the_first(name):
    said = rf"process {os.getpid()} has the mesh of this host; stop it first"

    with HostLock(name), pytest.raises(DriverError, match=said):
        HostLock(name)


def test_lock_is_free_when_its_holder_is_gone(name):
    HostLock(name).close()

    with HostLock(name):
        pass


@contextmanager
def squatter(name: str, backlog: int | None) -> Iterator[None]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as taken:
        taken.bind(f"\0{name}")
        if backlog is not None:
            taken.listen(backlog)
        yield


def test_holder_that_does_not_answer_is_taken_for_a_daemon(name):
    with squatter(name, None), pytest.raises(DriverError, match="another process"):
        HostLock(name)


@pytest.mark.skipif(os.geteuid() != 0, reason="not root: cannot be two users")
def test_user_who_may_not_have_a_mesh_does_not_keep_us_from_ours(name, caplog):
    nobody = 65534
    os.seteuid(nobody)
    try:
        held = squatter(name, 1)
        held.__enter__()
    finally:
        os.seteuid(0)

    HostLock(name).close()
    held.__exit__(None, None, None)

    assert f"of user {nobody} holds our lock" in caplog.text
