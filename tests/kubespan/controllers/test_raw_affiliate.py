import pytest

from kubespan.controllers.raw_affiliate import RAW_AFFILIATE
from kubespan.engine.controller import Memo
from kubespan.model.affiliate import Registry
from kubespan.model.keys import PublicKey
from kubespan.model.peer import LivePeer
from tests.builders import (
    NOW_NS,
    NOW_S,
    a_node_identity,
    an_affiliate,
    ips,
    raw,
    run_controller,
    said,
)


def live(affiliate) -> LivePeer:
    key = PublicKey.from_base64(affiliate.kubespan.public_key)
    return LivePeer(key, NOW_NS, NOW_S)


def united(*resources):
    return run_controller(RAW_AFFILIATE, a_node_identity(), *resources)[0]


@pytest.mark.checklist(30)
def test_we_ourselves_are_never_among_the_others():
    ours = an_affiliate("node-a")

    assert united(said(ours), said(an_affiliate("b"))) == [raw(an_affiliate("b"))]


@pytest.mark.checklist(36)
def test_instances_of_a_registry_are_united_in_order_of_their_names():
    one = an_affiliate(addresses=ips("10.0.0.1"))
    two = an_affiliate(addresses=ips("10.0.0.2"))

    found = united(said(two, "b"), said(one, "a"))

    assert found == [raw(an_affiliate(addresses=ips("10.0.0.1", "10.0.0.2")))]


def test_kinds_of_registries_are_kept_apart():
    found = united(
        said(an_affiliate()),
        said(an_affiliate(), "kubernetes", registry=Registry.KUBERNETES),
    )

    assert [item.key for item in found or ()] == ["k8s/node-b", "service/node-b"]


@pytest.mark.checklist(36)
def test_one_instance_losing_a_node_removes_nothing_another_still_says():
    affiliate = an_affiliate()

    found = united(said(affiliate, "a", missing=True), said(affiliate, "b"))

    assert found == [raw(affiliate)]


def test_a_missing_node_stays_as_long_as_it_shakes_hands():
    affiliate = an_affiliate()

    kept = united(said(affiliate, missing=True), live(affiliate))
    gone = united(said(affiliate, missing=True))

    assert kept == [raw(affiliate)]
    assert gone == []


def test_unions_are_remembered_per_node():
    memo = Memo()
    resources = (
        a_node_identity(),
        said(an_affiliate(), "a"),
        said(an_affiliate(), "b"),
    )

    first, _ = run_controller(RAW_AFFILIATE, *resources, memo=memo)
    memo.turn()
    again, _ = run_controller(RAW_AFFILIATE, *resources, memo=memo)

    assert first is not None
    assert again is not None
    assert again[0].affiliate is first[0].affiliate


def test_nothing_is_said_before_we_know_who_we_are():
    assert run_controller(RAW_AFFILIATE, said(an_affiliate()))[0] is None
