"""Places where commands run."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from kubespan.lab.errors import LabError
from kubespan.lab.namespaces import (
    add_namespaces,
    lab_namespaces,
    processes_in,
    remove_namespaces,
)
from kubespan.lab.place import Place, environment

LAB = "placetest"
pytestmark = pytest.mark.netns


@pytest.fixture
def bare() -> Iterator[Place]:
    remove_namespaces(lab_namespaces(LAB))
    place = Place("a", f"kslab-{LAB}-a", contained=False)
    add_namespaces([place.netns])
    yield place
    remove_namespaces(lab_namespaces(LAB))


@pytest.fixture
def held(bare: Place) -> Place:
    place = Place("box", bare.netns, contained=True)
    place.hold()
    return place


def test_a_held_place_is_a_machine_in_small(held: Place) -> None:
    script = "cat /proc/sys/kernel/hostname; ls /run /sys/class/net; cat /proc/1/comm"

    words = held.run(["sh", "-c", script]).stdout.split()

    assert words[0] == "box"
    assert "lo" in words
    assert "eth0" not in words
    assert words[-1] == "sh"
    assert "netns" not in words


def test_files_in_its_run_directory_are_its_own(held: Place) -> None:
    held.run(["sh", "-c", "echo inside >/run/kslab-test"])

    assert held.path("/run/kslab-test").read_text() == "inside\n"
    assert not Path("/run/kslab-test").exists()


def test_orphans_are_collected(held: Place) -> None:
    held.run(["sh", "-c", "(sleep 0.05 &)"])
    held.run(["sleep", "0.2"])

    assert "defunct" not in held.run(["ps", "-e"]).stdout


def test_everything_ends_with_the_holder(held: Place) -> None:
    running = held.spawn(["sleep", "99"])
    identity = held.identity

    held.signal(held.holder, signal.SIGKILL)
    running.wait(5)

    assert [p for p in processes_in({identity}) if p.is_contained] == []
    with pytest.raises(LabError, match="its holder is gone"):
        held.run(["true"])


@pytest.mark.parametrize("kind", ["bare", "held"])
def test_a_command_is_ended_by_a_signal(
    kind: str, request: pytest.FixtureRequest
) -> None:
    place: Place = request.getfixturevalue(kind)
    script = "trap 'echo bye; exit 7' INT; echo ready; while :; do sleep 0.02; done"
    running = place.spawn(["sh", "-c", script])
    assert running.child.stdout
    running.child.stdout.readline()

    done = running.stop()

    assert done.returncode == 7
    assert done.stdout == b"bye\n"
    assert not running.is_running


def test_a_failing_command_says_where_and_why(held: Place) -> None:
    with pytest.raises(LabError, match=r"box: sh -c .*: exit status 3: why"):
        held.run(["sh", "-c", "echo why >&2; exit 3"])


def test_a_command_that_never_ends_is_given_up(bare: Place) -> None:
    with pytest.raises(LabError, match=r"no end after 0\.1 s"):
        bare.run(["sleep", "9"], timeout_s=0.1)


def test_a_detached_command_outlives_its_start(held: Place, tmp_path: Path) -> None:
    with (tmp_path / "log").open("ab") as log:
        held.detach(["sh", "-c", "echo $WORD; exec sleep 98"], log, {"WORD": "hi"})

    while (found := held.find(lambda p: p.arguments == ("sleep", "98"))) is None:
        pass

    assert (tmp_path / "log").read_text() == "hi\n"
    assert (
        f"PPid:\t{held.holder.pid}\n" in Path(f"/proc/{found.pid}/status").read_text()
    )


def test_a_place_that_is_gone_says_so() -> None:
    with pytest.raises(LabError, match="is gone"):
        Place("x", "kslab-never-was", contained=True).run(["true"])


def test_proxies_of_the_host_are_not_in_the_lab(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy")
    monkeypatch.setenv("grpc_proxy", "http://proxy")
    monkeypatch.setenv("KEPT", "yes")

    found = environment()

    assert not {"HTTPS_PROXY", "grpc_proxy"} & set(found)
    assert found["KEPT"] == "yes"
