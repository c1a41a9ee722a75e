import pytest

from kubespan.logic.peers.harvest import harvest_endpoints, node_id_by_key
from kubespan.model.affiliate import KubeSpanAffiliate
from kubespan.model.peer import HarvestedEndpoint, PeerState
from tests.builders import a_mesh_part, a_peer_status, a_public_key, an_affiliate

OWNERS = {str(a_public_key("node-b")): "node-b"}


@pytest.mark.checklist(60)
def test_the_endpoint_of_a_peer_that_is_up_is_passed_on():
    status = a_peer_status()

    harvested = harvest_endpoints([status], OWNERS)

    assert harvested == [
        HarvestedEndpoint(status.public_key, "node-b", status.endpoint)
    ]


@pytest.mark.checklist(60)
@pytest.mark.parametrize(
    ("status", "owners"),
    [
        pytest.param(a_peer_status(state=PeerState.DOWN), OWNERS, id="down"),
        pytest.param(a_peer_status(state=PeerState.UNKNOWN), OWNERS, id="on trial"),
        pytest.param(a_peer_status(endpoint=None), OWNERS, id="no endpoint"),
        pytest.param(a_peer_status(), {}, id="affiliate gone"),
    ],
)
def test_nothing_else_is_passed_on(status, owners):
    assert harvest_endpoints([status], owners) == []


def test_of_several_owners_of_a_key_the_last_counts_as_for_peers():
    part = a_mesh_part("twin")
    none = an_affiliate("c", kubespan=KubeSpanAffiliate())

    owners = node_id_by_key(
        [an_affiliate("a", kubespan=part), an_affiliate("b", kubespan=part), none]
    )

    assert owners == {part.public_key: "b"}
