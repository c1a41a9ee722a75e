import pytest

from kubespan.controllers.peer_spec import PEER_SPEC
from kubespan.engine.controller import Memo
from kubespan.model.affiliate import KubeSpanAffiliate
from tests.builders import (
    a_config,
    a_mesh_identity,
    a_mesh_of,
    an_affiliate,
    changed,
    ips,
    run_controller,
)


@pytest.mark.checklist(44)
def test_every_affiliate_with_a_key_is_a_peer():
    found, notices = run_controller(
        PEER_SPEC,
        a_config(),
        a_mesh_identity(),
        an_affiliate("b"),
        an_affiliate("c", addresses=(), kubespan=KubeSpanAffiliate()),
    )

    assert [spec.node_id for spec in found or ()] == ["b"]
    assert notices == {}


@pytest.mark.checklist(54)
def test_while_kubespan_is_off_there_are_no_peers():
    assert run_controller(PEER_SPEC, a_config(), an_affiliate())[0] == []
    assert run_controller(PEER_SPEC, a_mesh_identity())[0] is None


def test_complaints_are_told_operators_by_node():
    _, notices = run_controller(
        PEER_SPEC,
        a_config(),
        a_mesh_identity(),
        an_affiliate("b", addresses=ips("127.0.0.1")),
    )

    assert "127.0.0.1" in notices["b"]


def test_our_filter_for_endpoints_of_peers_applies():
    config = a_config({"peer_endpoint_filters": ("!0.0.0.0/0",)})

    found, _ = run_controller(PEER_SPEC, config, a_mesh_identity(), an_affiliate())

    assert found is not None
    assert found[0].endpoints == ()


def test_one_changed_affiliate_leaves_the_other_specs_the_very_same():
    memo = Memo()
    mesh = a_mesh_of(20)
    us = (a_config(), a_mesh_identity())
    first, _ = run_controller(PEER_SPEC, *us, *mesh, memo=memo)
    memo.turn()

    mesh[3] = changed(mesh[3], nodename="renamed")
    again, _ = run_controller(PEER_SPEC, *us, *mesh, memo=memo)

    before = {spec.key: spec for spec in first or ()}
    anew = [spec for spec in again or () if before[spec.key] is not spec]
    assert [spec.label for spec in anew] == ["renamed"]
