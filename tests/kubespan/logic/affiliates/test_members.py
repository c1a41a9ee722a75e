import pytest

from kubespan.logic.affiliates.members import member_from_affiliate, one_per_name
from kubespan.model.affiliate import ControlPlane
from kubespan.model.member import Member
from tests.builders import an_affiliate


@pytest.mark.checklist(17)
def test_only_affiliates_with_a_node_name_are_members():
    named, unnamed = an_affiliate("b"), an_affiliate("c", nodename="")

    found = one_per_name([named, unnamed])

    assert found.affiliates == (named,)
    assert found.displaced == ()


def test_the_lowest_node_id_keeps_a_name_that_is_claimed_twice():
    low, high = an_affiliate("B", nodename="w"), an_affiliate("a", nodename="w")

    found = one_per_name([high, low])

    assert found.affiliates == (low,)
    assert found.displaced == (high,)


def test_a_member_carries_everything_but_the_mesh():
    affiliate = an_affiliate(control_plane=ControlPlane(6443))

    assert member_from_affiliate(affiliate) == Member(
        nodename=affiliate.nodename,
        node_id=affiliate.node_id,
        addresses=affiliate.addresses,
        hostname=affiliate.hostname,
        machine_type=affiliate.machine_type,
        operating_system=affiliate.operating_system,
        control_plane=ControlPlane(6443),
    )
