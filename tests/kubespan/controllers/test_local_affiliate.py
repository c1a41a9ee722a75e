import pytest

from kubespan.controllers.local_affiliate import LOCAL_AFFILIATE
from kubespan.model.affiliate import LocalAffiliate
from kubespan.model.endpoint import Endpoint
from kubespan.model.host import HostAddress, KubernetesNode, Scope
from kubespan.model.registry import PublicAddress
from kubespan.wire.affiliate import encode_affiliate
from tests.builders import (
    a_config,
    a_link,
    a_mesh_identity,
    a_node_identity,
    changed,
    host_facts,
    ips,
    networks,
    prefixes,
    run_controller,
)

US = (a_node_identity(), a_mesh_identity())


def local(*resources):
    found, notices = run_controller(LOCAL_AFFILIATE, *resources)
    assert found is not None
    (affiliate,) = found
    assert isinstance(affiliate, LocalAffiliate)
    return affiliate.affiliate, notices


@pytest.mark.checklist(10, 34)
def test_our_affiliate_is_made_of_host_configuration_and_what_others_saw():
    seen = PublicAddress("default", *ips("203.0.113.1"))

    affiliate, notices = local(a_config(), host_facts("192.0.2.2/24"), seen, *US)

    assert affiliate.node_id == "node-a"
    assert affiliate.nodename == "node-a"
    assert affiliate.addresses == ips("192.0.2.2")
    assert list(map(str, affiliate.kubespan.endpoints)) == [
        "192.0.2.2:51820",
        "203.0.113.1:51820",
    ]
    assert notices == {}


@pytest.mark.checklist(14)
def test_external_addresses_are_endpoints_but_no_addresses():
    config = a_config(host={"external_addresses": ips("198.51.100.4")})

    affiliate, _ = local(config, host_facts("192.0.2.2/24"), *US)

    assert affiliate.addresses == ips("192.0.2.2")
    assert {endpoint.ip for endpoint in affiliate.kubespan.endpoints} == {
        *ips("192.0.2.2", "198.51.100.4")
    }


@pytest.mark.parametrize(
    ("host", "told"),
    [
        ({}, ("192.0.2.2",)),
        ({"exclude_interfaces": ("eth*",)}, ("172.17.0.1",)),
        ({"exclude_interfaces": ()}, ("172.17.0.1", "192.0.2.2")),
    ],
    ids=["default", "others", "none"],
)
def test_excluded_links_give_neither_addresses_nor_endpoints(host, told):
    facts = host_facts("192.0.2.2/24", links=[a_link(), a_link("docker0")])
    bridge = HostAddress("docker0", *prefixes("172.17.0.1/16"), Scope.GLOBAL)
    facts = changed(facts, addresses=(*facts.addresses, bridge))

    affiliate, _ = local(a_config(host=host), facts, *US)

    assert affiliate.addresses == ips(*told)
    assert tuple(endpoint.ip for endpoint in affiliate.kubespan.endpoints) == ips(*told)


@pytest.mark.checklist(15)
def test_what_belongs_to_kubernetes_is_left_out_but_pod_networks_may_be_offered():
    node = KubernetesNode("node-a", prefixes("10.244.3.0/24"))
    config = a_config(
        {"advertise_kubernetes_networks": True},
        host={
            "pod_networks": networks("10.245.0.0/16"),
            "service_networks": networks("10.96.0.0/12"),
        },
    )
    facts = host_facts("192.0.2.2/24", "10.244.3.1/24", "10.245.0.1/16", "10.96.0.1/32")

    affiliate, _ = local(config, facts, node, *US)

    assert affiliate.addresses == ips("192.0.2.2")
    assert affiliate.kubespan.additional_addresses == prefixes("10.244.3.0/24")


@pytest.mark.checklist(54)
def test_without_kubespan_we_are_still_announced():
    affiliate, _ = local(a_config({"enabled": False}), host_facts(), US[0])

    assert affiliate.addresses
    assert affiliate.kubespan.public_key == ""


def test_without_a_registry_there_is_nobody_to_tell():
    config = a_config(discovery={"services": ()})

    assert run_controller(LOCAL_AFFILIATE, config, host_facts(), *US)[0] == []


def test_nothing_changes_while_something_is_unknown():
    assert run_controller(LOCAL_AFFILIATE, a_config(), *US)[0] is None


@pytest.mark.checklist(35)
def test_too_much_to_say_is_reduced_with_a_warning():
    many = [f"10.{n >> 8}.{n & 255}.1/32" for n in range(600)]

    affiliate, notices = local(a_config(), host_facts(*many), *US)

    assert len(encode_affiliate(affiliate)) <= 2048 - 28
    assert len(affiliate.kubespan.endpoints) == 64
    assert "others do not learn" in notices["size"]
    assert "600 endpoints" in notices["endpoints"]


def test_extra_endpoints_are_announced_as_they_are():
    config = a_config({"extra_endpoints": (Endpoint.from_text("1.2.3.4:5678"),)})

    affiliate, _ = local(config, host_facts(), *US)

    assert str(affiliate.kubespan.endpoints[-1]) == "1.2.3.4:5678"


@pytest.mark.parametrize(("given", "warned"), [(None, True), ("", False)])
def test_a_host_name_that_names_no_node_is_said_once_nobody_chose_it(given, warned):
    config = a_config(host={"node_name": given})

    affiliate, notices = local(config, host_facts(hostname="___"), *US)

    assert affiliate.nodename == ""
    assert ("nodename" in notices) is warned
