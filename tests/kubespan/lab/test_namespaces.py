"""Namespaces of the host and what runs in them."""

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from kubespan.lab.errors import LabError
from kubespan.lab.namespaces import (
    NETNS_DIR,
    add_namespaces,
    all_namespaces,
    kill_process,
    lab_namespaces,
    namespace_identity,
    processes_in,
    remove_namespaces,
    run_checked,
    run_script,
)

LAB = "nstest"
NAME = f"kslab-{LAB}-a"
pytestmark = pytest.mark.netns


@pytest.fixture
def namespace() -> Iterator[str]:
    remove_namespaces(lab_namespaces(LAB))
    add_namespaces([NAME])
    yield NAME
    remove_namespaces(lab_namespaces(LAB))


def _sleep_in(name: str) -> subprocess.Popen[bytes]:
    child = subprocess.Popen(["nsenter", f"--net={NETNS_DIR / name}", "sleep", "99"])
    while Path(f"/proc/{child.pid}/comm").read_text() != "sleep\n":
        pass
    return child


def test_namespaces_are_listed_by_lab(namespace: str) -> None:
    assert lab_namespaces(LAB) == [NAME]
    assert NAME in all_namespaces()
    assert lab_namespaces("nstes") == []


def test_a_process_is_ours_because_of_where_it_is(namespace: str) -> None:
    child = _sleep_in(NAME)

    identity = namespace_identity(NAME)
    assert identity
    found = processes_in({identity})
    remove_namespaces([NAME])

    assert [(p.pid, p.arguments, p.is_contained) for p in found] == [
        (child.pid, ("sleep", "99"), False)
    ]
    assert child.wait() == -signal.SIGKILL
    assert lab_namespaces(LAB) == []


def test_a_process_elsewhere_is_never_hit(namespace: str) -> None:
    identity = namespace_identity(NAME)
    assert identity

    kill_process(os.getpid(), {identity}, signal.SIGKILL)
    kill_process(2**22 - 1, {identity}, signal.SIGKILL)


def test_half_a_namespace_is_removed(namespace: str) -> None:
    remove_namespaces([NAME])
    (NETNS_DIR / NAME).touch()

    remove_namespaces(lab_namespaces(LAB))

    assert lab_namespaces(LAB) == []


def test_a_namespace_that_is_gone_has_no_identity() -> None:
    assert namespace_identity("kslab-never-was") is None


def test_a_script_ends_at_its_first_error(namespace: str) -> None:
    with pytest.raises(LabError, match="no-such-link"):
        run_script(NAME, "ip link set no-such-link up\nip link add x type bridge")

    assert run_checked(["ip", "-n", NAME, "-o", "link"]).count("\n") == 1
