"""The configuration a lab writes for a node: real Talos documents, and one of ours."""

import yaml

from kubespan.lab.record import LabRecord
from kubespan.lab.topology import DISCOVERY_PORT, NodePlan

DISCOVERY_ENDPOINT = f"http://198.19.255.2:{DISCOVERY_PORT}"
POD_NETWORKS = "10.244.0.0/16"


def node_config(record: LabRecord, node: NodePlan) -> str:
    """Return the YAML documents of one node; they hold the cluster's secret.

    Source:
        kubespan.md section 6.3; ``KubeSpanHostConfig`` is our own document.
    """
    documents = [
        _document("KubeSpanConfig", {"enabled": True} | record.spec.kubespan_options),
        _document(
            "DiscoveryServiceConfig", {"name": "lab", "endpoint": DISCOVERY_ENDPOINT}
        ),
        _document(
            "DiscoveryIdentityConfig",
            {"clusterID": record.cluster_id, "clusterSecret": record.cluster_secret},
        ),
        _document("KubeSpanHostConfig", _host(record, node)),
    ]
    return yaml.safe_dump_all(documents, sort_keys=False)


def _host(record: LabRecord, node: NodePlan) -> dict[str, object]:
    own: dict[str, object] = {
        "nodeName": node.name,
        "machineType": "worker",
        "advertisedNetworks": [str(node.pod_network)],
        # As a cluster would have it: pod addresses are nobody's endpoints.
        "podNetworks": [POD_NETWORKS],
        "wireguard": record.spec.wireguard,
        "sysctls": "set",
    }
    return own | record.spec.host_options


def _document(kind: str, content: dict[str, object]) -> dict[str, object]:
    return {"apiVersion": "v1alpha1", "kind": kind} | content
