"""Labs as the kernel sees them, without any daemon."""

import pytest

from kubespan.lab.build import lab_names, place_of, remove_lab
from kubespan.lab.errors import LabError
from kubespan.lab.files import lab_files
from kubespan.lab.lab import Lab
from kubespan.lab.namespaces import lab_namespaces, remove_namespaces, run_checked
from kubespan.lab.topology import LabSpec

NAME = "buildtest"
pytestmark = pytest.mark.netns


def _outside() -> str:
    commands = ["ip -o link", "ip route", "ip rule", "nft list ruleset"]
    return "".join(run_checked(command.split()) for command in commands)


def test_a_lab_touches_nothing_outside_and_leaves_nothing() -> None:
    remove_lab(NAME)
    before = _outside()

    with Lab.create(LabSpec(NAME, nodes=3, nat=1), start=False) as lab:
        identities = {lab.place(s.name).identity for s in lab.topology.namespaces}
        during = _outside()

    assert len(identities) == 9
    assert before == during == _outside()
    assert lab_namespaces(NAME) == []
    assert not lab_files(NAME).directory.exists()
    assert NAME not in lab_names()


def test_every_kind_of_namespace_is_a_place() -> None:
    with Lab.create(
        LabSpec(NAME, nodes=1, nat=1), start=False, replace_running=True
    ) as lab:
        kinds = {
            space.name: place_of(lab.topology, space).contained
            for space in lab.topology.namespaces
        }
        hostname = lab.place("node-1").run(["cat", "/proc/sys/kernel/hostname"]).stdout

    assert kinds == {
        "internet": False,
        "discovery": True,
        "nat1": False,
        "node-1": True,
        "node-1-pod": False,
    }
    assert hostname == "node-1\n"


@pytest.mark.parametrize(
    "what",
    [
        pytest.param("files", id="its files are gone"),
        pytest.param("namespaces", id="its namespaces are gone"),
        pytest.param("record", id="its record is broken"),
    ],
)
def test_half_a_lab_is_found_and_removed(what: str) -> None:
    lab = Lab.create(LabSpec(NAME, nodes=1, nat=0), start=False, replace_running=True)
    if what == "files":
        lab.files.remove()
    elif what == "namespaces":
        remove_namespaces(lab_namespaces(NAME))
    else:
        (lab.files.directory / "lab.json").write_text("{")

    found = NAME in lab_names()
    removed = remove_lab(NAME)

    assert found
    assert removed
    assert NAME not in lab_names()
    assert not remove_lab(NAME)


def test_a_name_that_leads_elsewhere_is_refused() -> None:
    with pytest.raises(LabError, match="lab name"):
        remove_lab("../../tmp")
