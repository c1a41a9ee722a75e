import pytest

from kubespan.controllers.member import MEMBER
from tests.builders import a_local_affiliate, an_affiliate, run_controller


@pytest.mark.checklist(17)
def test_members_are_all_affiliates_with_a_node_name_ourselves_included():
    found, notices = run_controller(
        MEMBER,
        a_local_affiliate(),
        an_affiliate("node-b"),
        an_affiliate("node-c", nodename=""),
    )

    assert [member.key for member in found or ()] == ["node-a", "node-b"]
    assert notices == {}


def test_a_node_name_taken_twice_is_said():
    found, notices = run_controller(
        MEMBER, an_affiliate("b", nodename="w"), an_affiliate("c", nodename="w")
    )

    assert [member.node_id for member in found or ()] == ["b"]
    assert "taken twice" in notices["c"]
