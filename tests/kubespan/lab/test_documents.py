"""The configuration of a node."""

import yaml

from kubespan.lab.documents import node_config
from kubespan.lab.record import LabRecord
from kubespan.lab.topology import LabSpec


def _config(spec: LabSpec) -> dict[str, dict[str, object]]:
    record = LabRecord(spec, spec.placements, "ID=", "SECRET=")
    text = node_config(record, record.topology.nodes[0])
    return {document["kind"]: document for document in yaml.safe_load_all(text)}


def test_a_node_gets_the_documents_of_talos_and_one_of_ours() -> None:
    found = _config(LabSpec("t", nodes=1, nat=0, wireguard="userspace"))

    assert found["KubeSpanConfig"]["enabled"] is True
    assert found["DiscoveryServiceConfig"]["endpoint"] == "http://198.19.255.2:3000"
    assert found["DiscoveryIdentityConfig"]["clusterID"] == "ID="
    assert found["DiscoveryIdentityConfig"]["clusterSecret"] == "SECRET="
    assert found["KubeSpanHostConfig"] == {
        "apiVersion": "v1alpha1",
        "kind": "KubeSpanHostConfig",
        "nodeName": "node-1",
        "machineType": "worker",
        "advertisedNetworks": ["10.244.1.0/24"],
        "podNetworks": ["10.244.0.0/16"],
        "wireguard": "userspace",
        "sysctls": "set",
    }


def test_further_keys_are_added_and_win() -> None:
    spec = LabSpec(
        "t",
        kubespan_options={"mtu": 1300},
        host_options={"nodeName": "other", "listenPort": 51821},
    )

    found = _config(spec)

    assert found["KubeSpanConfig"]["mtu"] == 1300
    assert found["KubeSpanHostConfig"]["nodeName"] == "other"
    assert found["KubeSpanHostConfig"]["listenPort"] == 51821
