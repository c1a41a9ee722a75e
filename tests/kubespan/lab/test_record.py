"""What is remembered of a lab."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubespan.lab.errors import LabError
from kubespan.lab.record import LabRecord, parse_record, render_record
from kubespan.lab.topology import LabSpec

A_RECORD = LabRecord(
    spec=LabSpec("t", discovery_options=("--x",), environment={"A": "b"}),
    placements=(0, 0, 0, 1, 0),
    cluster_id="id",
    cluster_secret="hidden",
    complete=True,
)


def test_a_record_is_read_as_it_was_written() -> None:
    assert parse_record(render_record(A_RECORD)) == A_RECORD


def test_the_topology_has_the_nodes_that_joined() -> None:
    assert [node.name for node in A_RECORD.topology.nodes][-1] == "node-5"


def test_the_secret_is_not_shown() -> None:
    assert "hidden" not in repr(A_RECORD)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="nothing"),
        pytest.param("[]", id="a list"),
        pytest.param("{}", id="nothing in it"),
        pytest.param(render_record(A_RECORD)[:-20], id="cut off"),
        pytest.param(render_record(A_RECORD).replace('"t"', '"../t"'), id="bad name"),
        pytest.param('{"spec": 3}', id="wrong type"),
    ],
)
def test_a_broken_record_is_refused_with_what_to_do(text: str) -> None:
    with pytest.raises(LabError, match="lab destroy"):
        parse_record(text)


@given(st.text())
def test_any_text_is_a_record_or_a_lab_error(text: str) -> None:
    with pytest.raises(LabError):
        parse_record(text)
