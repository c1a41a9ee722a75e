import pytest

from kubespan.controllers.mesh_identity import MESH_IDENTITY
from tests.builders import (
    a_config,
    a_link,
    a_mesh_identity,
    a_node_identity,
    changed,
    host_facts,
    run_controller,
)


@pytest.mark.checklist(9, 54)
def test_identity_exists_while_kubespan_is_enabled():
    facts = (host_facts(), a_node_identity())

    on, notices = run_controller(MESH_IDENTITY, a_config(), *facts)
    off, _ = run_controller(MESH_IDENTITY, a_config({"enabled": False}), *facts)
    nameless, _ = run_controller(
        MESH_IDENTITY, a_config(discovery={"cluster_id": ""}), *facts
    )

    assert on == [a_mesh_identity()]
    assert notices == {}
    assert off == nameless == []


def test_identity_is_kept_though_hardware_and_cluster_change():
    known = a_mesh_identity()
    config = a_config(discovery={"cluster_id": "another"})

    kept, notices = run_controller(
        MESH_IDENTITY, config, host_facts(links=()), a_node_identity(), known
    )

    assert kept == [known]
    assert "cluster ID changed" in notices["cluster"]


def test_identity_is_computed_anew_for_another_key():
    old = changed(a_mesh_identity(), public_key=a_node_identity().public_key)
    stale = changed(old, public_key=type(old.public_key)(bytes(32)))

    renewed, _ = run_controller(
        MESH_IDENTITY, a_config(), host_facts(), a_node_identity(), stale
    )

    assert renewed == [old]


def test_a_host_without_physical_link_gets_an_address_and_says_so():
    found, notices = run_controller(
        MESH_IDENTITY,
        a_config(),
        host_facts(links=[a_link(kind="veth")]),
        a_node_identity(),
    )

    assert found is not None
    assert not found[0].from_hardware
    assert "no physical network interface" in notices["address"]


def test_nothing_is_said_before_the_facts_are_known():
    assert run_controller(MESH_IDENTITY, a_config())[0] is None


def test_an_address_of_the_host_inside_the_mesh_prefix_is_said():
    _, notices = run_controller(
        MESH_IDENTITY,
        a_config(),
        host_facts("fd7f:175a:b97c:5602::9/64"),
        a_node_identity(),
    )

    assert "lies inside the mesh prefix" in notices["fd7f:175a:b97c:5602::9"]
