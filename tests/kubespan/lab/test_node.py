"""Nodes of a lab."""

import pytest

from kubespan.lab.errors import LabError
from kubespan.lab.lab import Lab
from kubespan.lab.node import parse_json_items
from kubespan.lab.topology import LabSpec

NAME = "nodetest"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("", [], id="nothing"),
        pytest.param("[]", [], id="empty list"),
        pytest.param('[{"a": 1}, {"a": 2}]', [{"a": 1}, {"a": 2}], id="a list"),
        pytest.param('{"a": 1}\n{"a": 2}\n', [{"a": 1}, {"a": 2}], id="one by one"),
    ],
)
def test_items_are_read_in_either_form(text: str, expected: list[object]) -> None:
    assert parse_json_items(text) == expected


def test_what_is_no_json_is_refused() -> None:
    with pytest.raises(LabError, match="no JSON: 'Error"):
        parse_json_items("Error: no")


@pytest.mark.netns
def test_a_daemon_that_cannot_start_says_why() -> None:
    spec = LabSpec(NAME, 1, 0)

    with Lab.create(spec, start=False, replace_running=True) as lab:
        node = lab.node("node-1")
        node.write_config("kind: [")
        with pytest.raises(LabError, match=r"node-1: its daemon ended early\n +\|"):
            node.start_daemon()
        with pytest.raises(LabError, match="its daemon does not run"):
            _ = node.daemon_pid


@pytest.mark.netns
def test_stopping_a_daemon_that_does_not_run_is_fine() -> None:
    with Lab.create(LabSpec(NAME, 1, 0), start=False, replace_running=True) as lab:
        lab.node("node-1").stop_daemon()

        assert not lab.node("node-1").is_running
        assert lab.node("node-1").log_tail() == []


@pytest.mark.netns
def test_a_daemon_is_stopped_killed_and_started_again() -> None:
    with Lab.create(LabSpec(NAME, 1, 0), replace_running=True) as lab:
        node = lab.node("node-1")
        first = node.daemon_pid
        address = node.mesh_address
        with pytest.raises(LabError, match="runs already"):
            node.start_daemon()

        node.stop_daemon()
        node.start_daemon()

        assert node.daemon_pid != first
        assert node.resources("kubespanidentities")[0]["spec"]["address"] == (
            f"{address}/128"
        )
        assert node.peer_states() == {}
