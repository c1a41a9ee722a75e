from dataclasses import replace
from ipaddress import ip_address, ip_interface

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubespan.errors import WireError
from kubespan.model.affiliate import (
    Affiliate,
    ControlPlane,
    KubeSpanAffiliate,
    MachineType,
)
from kubespan.model.endpoint import Endpoint
from kubespan.wire.kubernetes import (
    annotation_patch,
    annotations_from_affiliate,
    decode_node,
)
from tests.fakes.kubernetes_api import a_node, merge

# kubespan.md section 3.9
KEYS = {
    "cluster.talos.dev/node-id",
    "networking.talos.dev/self-ips",
    "networking.talos.dev/api-server-port",
    "networking.talos.dev/kubespan-ip",
    "networking.talos.dev/kubespan-public-key",
    "networking.talos.dev/assigned-prefixes",
    "networking.talos.dev/kubespan-endpoints",
    "networking.talos.dev/kubespan-exclude-advertised-networks",
}
FULL = Affiliate(
    node_id="29QQTc97U5ZyFTIX33Dp9NqtwxqQI8QI13scCLzffrZ",
    addresses=(ip_address("10.0.0.2"), ip_address("192.168.3.4")),
    hostname="worker-1",
    nodename="worker-1",
    machine_type=MachineType.WORKER,
    operating_system="Talos (v1.13.0)",
    kubespan=KubeSpanAffiliate(
        public_key="PLPNBddmTgHJhtw0vxltq1ZBdPP9RNOEUd5JjJZzBRY=",
        address=ip_address("fd50:8d60:4238:6302:f857:23ff:fe21:d1e0"),
        additional_addresses=(
            ip_interface("10.244.3.1/24"),
            ip_interface("10.244.3.0/32"),
        ),
        endpoints=(
            Endpoint.from_text("10.0.0.2:51820"),
            Endpoint.from_text("[2001:db8::1]:51820"),
        ),
        exclude_advertised_networks=(ip_interface("192.168.0.0/16"),),
    ),
)
FULL_ANNOTATIONS = {
    "cluster.talos.dev/node-id": "29QQTc97U5ZyFTIX33Dp9NqtwxqQI8QI13scCLzffrZ",
    "networking.talos.dev/self-ips": "10.0.0.2,192.168.3.4",
    "networking.talos.dev/api-server-port": "",
    "networking.talos.dev/kubespan-ip": "fd50:8d60:4238:6302:f857:23ff:fe21:d1e0",
    "networking.talos.dev/kubespan-public-key": FULL.kubespan.public_key,
    "networking.talos.dev/assigned-prefixes": "10.244.3.1/24,10.244.3.0/32",
    "networking.talos.dev/kubespan-endpoints": "10.0.0.2:51820,[2001:db8::1]:51820",
    "networking.talos.dev/kubespan-exclude-advertised-networks": "192.168.0.0/16",
}


@pytest.mark.checklist(38)
def test_an_affiliate_of_zeros_still_gives_all_eight_annotations() -> None:
    annotations = annotations_from_affiliate(Affiliate(""))

    assert annotations == dict.fromkeys(KEYS, "")


@pytest.mark.checklist(38)
def test_annotations_of_a_worker_are_those_of_the_specification() -> None:
    assert annotations_from_affiliate(FULL) == FULL_ANNOTATIONS


@pytest.mark.checklist(38)
def test_a_control_plane_tells_its_port() -> None:
    affiliate = replace(FULL, control_plane=ControlPlane(6443))

    annotations = annotations_from_affiliate(affiliate)

    assert annotations["networking.talos.dev/api-server-port"] == "6443"


def test_mapped_addresses_are_written_as_go_writes_them() -> None:
    mapped = ip_address("::ffff:10.11.12.13")
    affiliate = Affiliate(
        "n",
        addresses=(mapped,),
        kubespan=KubeSpanAffiliate("k", endpoints=(Endpoint(mapped, 1),)),
    )

    annotations = annotations_from_affiliate(affiliate)

    assert annotations["networking.talos.dev/self-ips"] == "::ffff:10.11.12.13"
    assert (
        annotations["networking.talos.dev/kubespan-endpoints"]
        == "[::ffff:10.11.12.13]:1"
    )


@pytest.mark.checklist(38)
def test_annotations_are_read_back() -> None:
    node = a_node("worker-1", FULL_ANNOTATIONS, podCIDRs=["10.244.3.0/24"])

    decoded = decode_node(node)

    assert decoded.affiliate == FULL
    assert decoded.pod_networks == (ip_interface("10.244.3.0/24"),)
    assert (decoded.skipped, decoded.skipped_endpoints) == (0, 0)


@pytest.mark.checklist(38)
def test_the_label_makes_a_control_plane_and_the_port_is_read() -> None:
    port = {"networking.talos.dev/api-server-port": "6443"}
    node = a_node("cp", FULL_ANNOTATIONS | port)
    node["metadata"]["labels"]["node-role.kubernetes.io/control-plane"] = ""

    affiliate = decode_node(node).affiliate

    assert affiliate is not None
    assert affiliate.machine_type is MachineType.CONTROL_PLANE
    assert affiliate.control_plane == ControlPlane(6443)


@pytest.mark.checklist(38)
def test_a_node_without_node_id_takes_no_part() -> None:
    node = a_node("plain", podCIDR="10.244.9.0/24")

    decoded = decode_node(node)

    assert decoded.affiliate is None
    assert decoded.pod_networks == (ip_interface("10.244.9.0/24"),)


@pytest.mark.checklist(38)
def test_items_that_make_no_sense_are_dropped_and_counted() -> None:
    node = a_node(
        "odd",
        {
            "cluster.talos.dev/node-id": "n",
            "networking.talos.dev/self-ips": "10.0.0.1,, 10.0.0.2,host,1.2.3",
            "networking.talos.dev/api-server-port": "-1",
            "networking.talos.dev/kubespan-ip": "mesh",
            "networking.talos.dev/kubespan-public-key": "k",
            "networking.talos.dev/assigned-prefixes": (
                "10.0.0.0/8,10.0.0.1,10.0.0.0/255.0.0.0,fe80::1%eth0/64,::/129"
            ),
            "networking.talos.dev/kubespan-endpoints": "10.0.0.1:51820,host:1,1.2.3.4",
            "networking.talos.dev/kubespan-exclude-advertised-networks": "0.0.0.0/0,x",
        },
        podCIDRs=["10.244.0.0/24", 7, "pods"],
    )

    decoded = decode_node(node)

    assert decoded.affiliate == Affiliate(
        node_id="n",
        addresses=(ip_address("10.0.0.1"),),
        hostname="odd",
        nodename="odd",
        operating_system="Talos (v1.13.0)",
        machine_type=MachineType.WORKER,
        kubespan=KubeSpanAffiliate(
            public_key="k",
            additional_addresses=(ip_interface("10.0.0.0/8"),),
            endpoints=(Endpoint.from_text("10.0.0.1:51820"),),
            exclude_advertised_networks=(ip_interface("0.0.0.0/0"),),
        ),
    )
    assert decoded.pod_networks == (ip_interface("10.244.0.0/24"),)
    assert decoded.skipped == 4 + 1 + 1 + 4 + 1 + 2
    assert decoded.skipped_endpoints == 2


def test_a_node_id_of_impossible_length_takes_no_part() -> None:
    decoded = decode_node(a_node("n", {"cluster.talos.dev/node-id": "x" * 257}))

    assert decoded.affiliate is None
    assert decoded.skipped == 1


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    *("metadata", "annotations", "labels", "spec", "status", "name"),
                    *("podCIDRs", "addresses", "nodeInfo", *sorted(KEYS)),
                ]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=12,
)


@given(st.dictionaries(st.sampled_from(["metadata", "spec", "status"]), json_values))
def test_any_object_is_a_node_or_refused(node: dict) -> None:
    try:
        decoded = decode_node(node)
    except WireError:
        return

    assert decoded.name
    annotation_patch(node, dict.fromkeys(KEYS, ""))


@given(st.dictionaries(st.sampled_from(sorted(KEYS)), st.text(max_size=30)))
def test_any_annotations_are_read_without_harm(annotations: dict) -> None:
    decoded = decode_node(a_node("n", annotations))

    assert decoded.name == "n"


@pytest.mark.checklist(38)
def test_a_patch_changes_what_differs_and_removes_what_is_empty() -> None:
    current = FULL_ANNOTATIONS | {
        "networking.talos.dev/api-server-port": "6443",
        "networking.talos.dev/kubespan-ip": "fd00::1",
        "other.example.org/mine": "stays",
    }
    node = a_node("worker-1", current)

    patch = annotation_patch(node, FULL_ANNOTATIONS)

    assert patch == {
        "metadata": {
            "annotations": {
                "networking.talos.dev/api-server-port": None,
                "networking.talos.dev/kubespan-ip": str(FULL.kubespan.address),
            }
        }
    }
    patched = merge(node, patch)
    assert annotation_patch(patched, FULL_ANNOTATIONS) is None
    assert patched["metadata"]["annotations"]["other.example.org/mine"] == "stays"


def test_a_node_without_annotations_can_be_patched() -> None:
    patch = annotation_patch({"metadata": {"name": "n"}}, {"a": "1", "b": ""})

    assert patch == {"metadata": {"annotations": {"a": "1"}}}
