import pytest

from kubespan.logic.affiliates.local import (
    LocalNode,
    build_local_affiliate,
    order_public_ips,
    wants_discovery,
)
from kubespan.logic.identity.node_name import NodeNames
from kubespan.model.affiliate import (
    Affiliate,
    ControlPlane,
    KubeSpanAffiliate,
    MachineType,
)
from kubespan.model.registry import PublicAddress
from tests.builders import (
    OWN_MESH_IP,
    a_config,
    a_mesh_identity,
    a_public_key,
    a_service,
    changed,
    endpoints,
    ips,
    prefixes,
)

NODE = LocalNode(
    node_id="node-a",
    names=NodeNames("a.example", "a"),
    operating_system="Debian",
    mesh=a_mesh_identity(),
    routed=ips("192.0.2.2", "192.0.2.2", str(OWN_MESH_IP)),
    current=ips("192.0.2.2", str(OWN_MESH_IP), "198.51.100.4"),
    public=ips("203.0.113.1"),
    pod_networks=prefixes("10.244.3.0/24"),
)


@pytest.mark.checklist(10)
def test_the_affiliate_says_who_where_and_how_to_reach_us():
    excluded = prefixes("10.99.0.0/16")
    config = a_config({"exclude_advertised_networks": excluded})

    assert build_local_affiliate(config, NODE) == Affiliate(
        node_id="node-a",
        addresses=ips("192.0.2.2", str(OWN_MESH_IP)),
        hostname="a.example",
        nodename="a",
        operating_system="Debian",
        machine_type=MachineType.WORKER,
        kubespan=KubeSpanAffiliate(
            public_key=str(a_public_key("own")),
            address=OWN_MESH_IP,
            additional_addresses=(),
            endpoints=endpoints(
                "192.0.2.2:51820", "198.51.100.4:51820", "203.0.113.1:51820"
            ),
            exclude_advertised_networks=excluded,
        ),
    )


@pytest.mark.checklist(13)
def test_our_own_mesh_address_is_an_address_but_no_endpoint():
    affiliate = build_local_affiliate(a_config(), NODE)

    assert OWN_MESH_IP in affiliate.addresses
    assert OWN_MESH_IP not in [e.ip for e in affiliate.kubespan.endpoints]


@pytest.mark.checklist(10, 54)
@pytest.mark.parametrize(
    ("enabled", "mesh"), [(False, a_mesh_identity()), (True, None), (False, None)]
)
def test_without_kubespan_there_is_no_mesh_part(enabled, mesh):
    config = a_config({"enabled": enabled})

    affiliate = build_local_affiliate(config, changed(NODE, mesh=mesh))

    assert affiliate.kubespan == KubeSpanAffiliate()
    assert affiliate.addresses


@pytest.mark.checklist(15)
@pytest.mark.parametrize(
    ("advertise", "pods", "expected"),
    [
        pytest.param(True, ("10.244.3.0/24",), ("10.244.3.0/24",), id="wanted"),
        pytest.param(False, ("10.244.3.0/24",), (), id="not wanted"),
        pytest.param(True, (), (), id="wanted, not known yet"),
    ],
)
def test_pod_networks_are_offered_where_wanted(advertise, pods, expected):
    config = a_config({"advertise_kubernetes_networks": advertise})

    affiliate = build_local_affiliate(
        config, changed(NODE, pod_networks=prefixes(*pods))
    )

    assert affiliate.kubespan.additional_addresses == prefixes(*expected)


def test_configured_networks_are_offered_first_and_once():
    config = a_config(
        {"advertise_kubernetes_networks": True},
        host={"advertised_networks": prefixes("10.50.0.0/16", "10.244.3.0/24")},
    )

    affiliate = build_local_affiliate(config, NODE)

    assert affiliate.kubespan.additional_addresses == prefixes(
        "10.50.0.0/16", "10.244.3.0/24"
    )


@pytest.mark.checklist(34, 59)
def test_endpoints_have_our_port_and_extra_ones_their_own():
    config = a_config(
        {"endpoint_filters": (), "extra_endpoints": endpoints("9.9.9.9:9")},
        host={"listen_port": 4000},
    )

    affiliate = build_local_affiliate(config, NODE)
    unfiltered = build_local_affiliate(a_config(host={"listen_port": 4000}), NODE)

    assert affiliate.kubespan.endpoints == endpoints("9.9.9.9:9")
    assert unfiltered.kubespan.endpoints[-1] == endpoints("203.0.113.1:4000")[0]


@pytest.mark.parametrize(
    ("machine_type", "port", "expected"),
    [
        pytest.param(MachineType.CONTROL_PLANE, 6443, ControlPlane(6443), id="serves"),
        pytest.param(MachineType.INIT, 6443, ControlPlane(6443), id="init serves"),
        pytest.param(MachineType.WORKER, 6443, None, id="a worker never does"),
        pytest.param(MachineType.CONTROL_PLANE, None, None, id="no API server"),
    ],
)
def test_only_control_planes_name_an_api_server(machine_type, port, expected):
    config = a_config(host={"machine_type": machine_type, "api_server_port": port})

    assert build_local_affiliate(config, NODE).control_plane == expected


def test_public_addresses_come_in_the_order_of_the_services():
    seen = [
        PublicAddress("a", *ips("203.0.113.2")),
        PublicAddress("b", *ips("203.0.113.1")),
        PublicAddress("gone", *ips("203.0.113.3")),
        PublicAddress("c", *ips("203.0.113.1")),
    ]
    services = [a_service("b"), a_service("c"), a_service("new"), a_service("a")]

    assert order_public_ips(seen, services) == ips("203.0.113.1", "203.0.113.2")


@pytest.mark.parametrize(
    ("discovery", "expected"),
    [
        pytest.param({}, True, id="a service"),
        pytest.param({"services": ()}, False, id="nothing"),
        pytest.param(
            {"services": (), "kubernetes_registry": True}, True, id="Kubernetes"
        ),
    ],
)
def test_there_is_somebody_to_tell(discovery, expected):
    assert wants_discovery(a_config(discovery=discovery)) is expected
