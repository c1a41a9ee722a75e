"""New files for an operator: a cluster's secrets, a node's configuration, a patch.

Source:
    kubespan.md section 6.6.
"""

import base64
import json
from dataclasses import dataclass
from typing import Final

from kubespan.config.kinds import API_VERSION, HOST, IDENTITY, KUBESPAN, SERVICE
from kubespan.model.config import DiscoverySettings
from kubespan.model.constants import DISCOVERY_ENDPOINT_DEFAULT
from kubespan.model.keys import SecretKey

_SECRETS_HEAD: Final = """\
# The identity of one cluster: every node gets the same.
# Whoever has this file can join the mesh and read what it says of its nodes.
"""
_CONFIG_HEAD: Final = """\
# Configuration of one node; check it with: kubespan check --config FILE
# It holds the cluster's secret: keep it readable by root alone.
"""
_PATCH_HEAD: Final = """\
# What the machine configuration of every Talos node needs (Talos 1.14 and later):
#   talosctl patch machineconfig --patch @FILE
# Talos before 1.14 keeps .cluster.discovery instead of a DiscoveryServiceConfig,
# Talos before 1.13 sets .machine.network.kubespan.enabled instead of a KubeSpanConfig.
# Nodes must use the same discovery services. The cluster's own identity stays.
"""
_HOST_COMMENTS: Final = """\
# hostname: name-of-this-node     # default: the host's own
# nodeName: ""                    # not a Kubernetes node: a peer but no member
# advertisedNetworks: [10.9.0.0/24]  # networks behind this node, such as its pods'
# podNetworks: [10.244.0.0/16]    # Kubernetes' own addresses are never announced
# serviceNetworks: [10.96.0.0/12]
# externalAddresses: [203.0.113.7]   # where other nodes reach this one through NAT
# excludeInterfaces: [docker0, virbr*]  # addresses of these links are not announced;
#                                 # default: what container engines make; []: none
# wireguard: auto                 # auto, kernel or userspace
# sysctls: check                  # check, or set what the mesh needs
# discoveryCAFiles: {default: /etc/kubespan/discovery-ca.pem}
# discoveryCertificateFiles: {default: /etc/kubespan/discovery-own.pem}
# discoveryTokenFiles: {default: /etc/kubespan/discovery-token}
"""


@dataclass(frozen=True, slots=True)
class NodeWishes:
    """What a new node's configuration shall say.

    Attributes:
        discovery: URLs; empty for the public service.
        hostname: empty for the host's own.
        advertise: networks in CIDR form.
        machine_type: ``worker`` or ``controlplane``.
    """

    discovery: tuple[str, ...] = ()
    hostname: str = ""
    advertise: tuple[str, ...] = ()
    machine_type: str = "worker"


def new_identity(random: bytes) -> DiscoverySettings:
    """Return a cluster's identity.

    Args:
        random: 64 unpredictable bytes.
    """
    cluster_id = base64.b64encode(random[:32]).decode()
    return DiscoverySettings(cluster_id, SecretKey(random[32:]))


def secrets_text(identity: DiscoverySettings) -> str:
    """Return the file that ``kubespan gen secrets`` writes."""
    return _SECRETS_HEAD + _identity_keys(identity)


def config_text(identity: DiscoverySettings, wishes: NodeWishes) -> str:
    """Return a node's documents; not yet checked."""
    documents = [
        _document(KUBESPAN, "enabled: true\n"),
        *_service_documents(wishes.discovery),
        _document(IDENTITY, _identity_keys(identity)),
        _host_document(wishes),
    ]
    return _CONFIG_HEAD + "---\n".join(documents)


def talos_patch_text(discovery: tuple[str, ...]) -> str:
    """Return the documents a Talos cluster needs to form the same mesh."""
    documents = [
        _document(KUBESPAN, "enabled: true\n"),
        *_service_documents(discovery),
    ]
    return _PATCH_HEAD + "---\n".join(documents)


def _document(kind: str, content: str) -> str:
    return f"apiVersion: {API_VERSION}\nkind: {kind}\n{content}"


def _identity_keys(identity: DiscoverySettings) -> str:
    secret = identity.cluster_secret.to_base64() if identity.cluster_secret else ""
    cluster_id = _quoted(identity.cluster_id)
    return f"clusterID: {cluster_id}\nclusterSecret: {_quoted(secret)}\n"


def _service_documents(urls: tuple[str, ...]) -> list[str]:
    """Return a document for each URL: ``default``, ``service-2`` and so on."""
    documents = []
    for number, url in enumerate(urls or (DISCOVERY_ENDPOINT_DEFAULT,), 1):
        name = "default" if number == 1 else f"service-{number}"
        content = f"name: {name}\nendpoint: {_quoted(url)}\n"
        documents.append(_document(SERVICE, content))
    return documents


def _host_document(wishes: NodeWishes) -> str:
    content = f"machineType: {_quoted(wishes.machine_type)}\n"
    if wishes.hostname:
        content += f"hostname: {_quoted(wishes.hostname)}\n"
    if wishes.advertise:
        networks = "".join(f"  - {_quoted(text)}\n" for text in wishes.advertise)
        content += f"advertisedNetworks:\n{networks}"
    return _document(HOST, content + _HOST_COMMENTS)


def _quoted(text: str) -> str:
    """Return a YAML scalar that is this text, whatever is in it."""
    return json.dumps(text, ensure_ascii=False)
