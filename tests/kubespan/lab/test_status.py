"""How a lab is."""

import pytest

from kubespan.lab.build import remove_lab
from kubespan.lab.lab import Lab
from kubespan.lab.status import NodeStatus, lab_status, render_status
from kubespan.lab.topology import LabSpec

NAME = "statustest"


def test_a_table_is_aligned() -> None:
    rows = [
        NodeStatus("lab", "node-1", "", "198.18.1.2", "10.244.1.0/24", "running", 3),
        NodeStatus("lab", "discovery", "", "198.19.255.2", "-", "stopped"),
    ]

    assert render_status(rows).splitlines() == [
        "LAB   NODE        BEHIND   ADDRESS        PODS            DAEMON    PEERS UP",
        "lab   node-1      -        198.18.1.2     10.244.1.0/24   running   3",
        "lab   discovery   -        198.19.255.2   -               stopped   -",
    ]


@pytest.mark.netns
def test_every_node_and_the_service_have_a_row() -> None:
    with Lab.create(LabSpec(NAME, 2, 1), start=False, replace_running=True) as lab:
        lab.discovery.start()
        holder = lab.node("node-2").place.holder
        lab.node("node-2").place.signal(holder, 9)
        while any(p.pid == holder.pid for p in lab.node("node-2").place.processes()):
            pass

        found = [(row.node, row.behind, row.daemon) for row in lab_status(NAME)]

    assert found == [
        ("node-1", "", "stopped"),
        ("node-2", "nat1", "gone"),
        ("discovery", "", "running"),
    ]


@pytest.mark.netns
def test_a_leftover_is_called_one() -> None:
    lab = Lab.create(LabSpec(NAME, 1, 0), start=False, replace_running=True)
    lab.files.remove()

    (row,) = lab_status(NAME)
    remove_lab(NAME)

    assert row.daemon == "leftover: lab destroy"
    assert row.as_json()["lab"] == NAME
