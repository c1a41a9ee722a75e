import pytest

from kubespan.logic.affiliates.merge import credible_affiliates, merge_affiliates
from kubespan.model.affiliate import Affiliate, ControlPlane, MachineType
from tests.builders import (
    a_mesh_ip,
    a_mesh_part,
    a_public_key,
    an_affiliate,
    endpoints,
    ips,
    prefixes,
    said,
)

EMPTY = Affiliate("node-b")


@pytest.mark.checklist(16)
def test_lists_unite_in_base_order_with_new_values_appended():
    # kubespan.md 2.5
    base = an_affiliate(
        addresses=ips("10.0.0.1", "10.0.0.2"),
        kubespan=a_mesh_part(
            additional_addresses=prefixes("10.244.1.0/24"),
            endpoints=endpoints("10.0.0.1:51820"),
            exclude_advertised_networks=prefixes("10.9.0.0/16"),
        ),
    )
    other = an_affiliate(
        addresses=ips("10.0.0.3", "10.0.0.1"),
        kubespan=a_mesh_part(
            additional_addresses=prefixes("10.244.1.1/24", "10.244.1.0/24"),
            endpoints=endpoints("10.0.0.1:51820", "10.0.0.1:1"),
            exclude_advertised_networks=prefixes("10.8.0.0/16"),
        ),
    )

    merged = merge_affiliates([base, other])

    assert merged.addresses == ips("10.0.0.1", "10.0.0.2", "10.0.0.3")
    assert merged.kubespan.additional_addresses == prefixes(
        "10.244.1.0/24", "10.244.1.1/24"
    )
    assert merged.kubespan.endpoints == endpoints("10.0.0.1:51820", "10.0.0.1:1")
    assert merged.kubespan.exclude_advertised_networks == prefixes(
        "10.9.0.0/16", "10.8.0.0/16"
    )


@pytest.mark.checklist(16)
def test_single_values_are_replaced_where_the_other_has_one():
    base = an_affiliate(operating_system="base")
    other = an_affiliate(
        hostname="new.example",
        nodename="new",
        operating_system="other",
        machine_type=MachineType.CONTROL_PLANE,
        control_plane=ControlPlane(6443),
        kubespan=a_mesh_part("new", address=a_mesh_ip(9)),
    )

    merged = merge_affiliates([base, other])

    assert (merged.hostname, merged.nodename) == ("new.example", "new")
    assert merged.machine_type is MachineType.CONTROL_PLANE
    assert merged.control_plane == ControlPlane(6443)
    assert merged.kubespan.public_key == str(a_public_key("new"))
    assert merged.kubespan.address == a_mesh_ip(9)
    assert merged.operating_system == "base"


@pytest.mark.checklist(16)
def test_what_the_other_leaves_unset_stays():
    base = an_affiliate(control_plane=ControlPlane(6443))

    assert merge_affiliates([base, EMPTY]) == base


def test_one_affiliate_is_itself():
    assert merge_affiliates([EMPTY]) is EMPTY


def test_repeats_within_the_base_stay_as_published():
    base = an_affiliate(addresses=ips("10.0.0.1", "10.0.0.1"))

    assert merge_affiliates([base, EMPTY]).addresses == base.addresses


@pytest.mark.checklist(36)
def test_what_one_instance_lost_counts_for_nothing_while_another_lists_it():
    listed, lost = an_affiliate(), an_affiliate(hostname="old")

    found = credible_affiliates(
        [said(lost, "a", missing=True), said(listed, "b")],
        {lost.kubespan.public_key},
    )

    assert found == (listed,)


def test_what_all_instances_lost_counts_while_it_shakes_hands():
    lost = an_affiliate()

    found = credible_affiliates([said(lost, missing=True)], {lost.kubespan.public_key})

    assert found == (lost,)


def test_what_all_instances_lost_and_is_silent_is_gone():
    assert credible_affiliates([said(an_affiliate(), missing=True)], set()) == ()
