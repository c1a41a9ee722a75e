"""What we say of ourselves, made small enough to be accepted.

Source:
    kubespan.md sections 2.2 to 2.4.
"""

from collections.abc import Iterable
from dataclasses import replace
from ipaddress import ip_interface

from kubespan.engine.controller import Controller, View
from kubespan.logic.affiliates.local import (
    LocalNode,
    build_local_affiliate,
    order_public_ips,
    wants_discovery,
)
from kubespan.logic.affiliates.node_addresses import (
    current_addresses,
    routed_addresses,
    without_kubernetes,
)
from kubespan.logic.affiliates.size import fit_affiliate
from kubespan.logic.identity.node_name import name_local_node
from kubespan.model.affiliate import Affiliate, LocalAffiliate
from kubespan.model.config import Config
from kubespan.model.constants import ENDPOINTS_MAX
from kubespan.model.host import HostFacts, KubernetesNode
from kubespan.model.identity import MeshIdentity, NodeIdentity
from kubespan.model.registry import PublicAddress
from kubespan.wire.affiliate import encode_affiliate


def reconcile(view: View) -> Iterable[LocalAffiliate] | None:
    """Return our affiliate; none when there is no registry to tell."""
    config, identity = view.one(Config), view.one(NodeIdentity)
    facts = view.one(HostFacts)
    if config is None or identity is None or facts is None:
        return None
    if not wants_discovery(config):
        return ()
    node = _local_node(view, config, identity, facts)
    if not node.names.nodename and config.host.node_name is None:
        view.warn("nodename", "the host name gives no Kubernetes node name: no member")
    affiliate = build_local_affiliate(config, node)
    return (LocalAffiliate(_fitted(view, affiliate)),)


def _local_node(
    view: View, config: Config, identity: NodeIdentity, facts: HostFacts
) -> LocalNode:
    external = tuple(map(ip_interface, config.host.external_addresses))
    kubernetes = view.one(KubernetesNode)
    pods = kubernetes.pod_networks if kubernetes else ()
    foreign = (
        *config.host.pod_networks,
        *config.host.service_networks,
        *(prefix.network for prefix in pods),
    )
    excluded = config.host.exclude_interfaces
    routed = routed_addresses(facts, external, excluded)
    current = current_addresses(facts, external, excluded)
    return LocalNode(
        node_id=identity.node_id,
        names=name_local_node(config.host, facts),
        operating_system=facts.operating_system,
        mesh=view.one(MeshIdentity),
        routed=tuple(prefix.ip for prefix in without_kubernetes(routed, foreign)),
        current=tuple(prefix.ip for prefix in without_kubernetes(current, foreign)),
        public=order_public_ips(view.all(PublicAddress), config.discovery.services),
        pod_networks=pods,
    )


def _fitted(view: View, affiliate: Affiliate) -> Affiliate:
    """Return what services accept of it; tell operators what was left out."""
    fitted = fit_affiliate(
        affiliate, lambda candidate: len(encode_affiliate(candidate))
    )
    if fitted.left_out:
        lines = ", ".join(fitted.left_out)
        view.warn("size", f"too much to say of this node; others do not learn: {lines}")
    endpoints = fitted.affiliate.kubespan.endpoints
    if len(endpoints) <= ENDPOINTS_MAX:
        return fitted.affiliate
    view.warn(
        "endpoints", f"{len(endpoints)} endpoints, only {ENDPOINTS_MAX} are announced"
    )
    mesh = replace(fitted.affiliate.kubespan, endpoints=endpoints[:ENDPOINTS_MAX])
    return replace(fitted.affiliate, kubespan=mesh)


LOCAL_AFFILIATE = Controller(
    name="local_affiliate",
    reads=(
        Config,
        HostFacts,
        NodeIdentity,
        MeshIdentity,
        PublicAddress,
        KubernetesNode,
    ),
    writes=LocalAffiliate,
    reconcile=reconcile,
)
