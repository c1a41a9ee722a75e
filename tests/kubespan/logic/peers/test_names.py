import pytest

from kubespan.logic.peers.names import name_node


@pytest.mark.parametrize(
    ("label", "hostname", "expected"),
    [
        pytest.param("w-1", "w-1.example", "w-1", id="node name first"),
        pytest.param("", "w-1.example", "w-1.example", id="then host name"),
        pytest.param("", "", "7x1SoFFF", id="then the start of the ID"),
        pytest.param(
            "a\nb\x1b[2Jc", "", "a?b?[2Jc", id="nothing that steers a terminal"
        ),
        pytest.param("x" * 300, "", "x" * 63, id="no longer than a label"),
    ],
)
def test_a_node_has_a_name_that_can_be_shown(label, hostname, expected):
    assert name_node("7x1SoFFFAAA", label, hostname) == expected
