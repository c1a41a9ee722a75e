"""Affiliates as annotations of Kubernetes nodes, and back.

Everything read here may have any shape: whoever may write a Node may write nonsense.

Source:
    kubespan.md section 3.9.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from ipaddress import (
    IPv4Address,
    IPv4Interface,
    IPv6Interface,
    ip_address,
    ip_interface,
)
from typing import Any, Final, TypeVar, cast

from kubespan.errors import WireError
from kubespan.model.address import IPAddress, Prefix
from kubespan.model.affiliate import (
    Affiliate,
    ControlPlane,
    KubeSpanAffiliate,
    MachineType,
)
from kubespan.model.constants import ID_MAX_BYTES
from kubespan.model.endpoint import PORT_MAX, Endpoint

T = TypeVar("T")

NODE_ID: Final = "cluster.talos.dev/node-id"
SELF_IPS: Final = "networking.talos.dev/self-ips"
API_SERVER_PORT: Final = "networking.talos.dev/api-server-port"
KUBESPAN_IP: Final = "networking.talos.dev/kubespan-ip"
KUBESPAN_PUBLIC_KEY: Final = "networking.talos.dev/kubespan-public-key"
ASSIGNED_PREFIXES: Final = "networking.talos.dev/assigned-prefixes"
KUBESPAN_ENDPOINTS: Final = "networking.talos.dev/kubespan-endpoints"
KUBESPAN_EXCLUDES: Final = "networking.talos.dev/kubespan-exclude-advertised-networks"
CONTROL_PLANE_LABEL: Final = "node-role.kubernetes.io/control-plane"

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class DecodedNode:
    """What one Node object says.

    Attributes:
        name: Kubernetes node name.
        affiliate: None when the node does not take part in discovery.
        pod_networks: ``spec.podCIDRs``; may be empty.
        skipped: parts other than endpoints that made no sense.
        skipped_endpoints: endpoints that made no sense.
    """

    name: str
    affiliate: Affiliate | None
    pod_networks: tuple[Prefix, ...]
    skipped: int = 0
    skipped_endpoints: int = 0


def annotations_from_affiliate(affiliate: Affiliate) -> dict[str, str]:
    """Return all eight annotations; an empty value means "not there"."""
    mesh = affiliate.kubespan
    port = affiliate.control_plane.port if affiliate.control_plane else 0
    return {
        NODE_ID: affiliate.node_id,
        SELF_IPS: _join(_ip_text, affiliate.addresses),
        API_SERVER_PORT: str(port) if port else "",
        KUBESPAN_IP: _ip_text(mesh.address) if mesh.address else "",
        KUBESPAN_PUBLIC_KEY: mesh.public_key,
        ASSIGNED_PREFIXES: _join(_prefix_text, mesh.additional_addresses),
        KUBESPAN_ENDPOINTS: _join(_endpoint_text, mesh.endpoints),
        KUBESPAN_EXCLUDES: _join(_prefix_text, mesh.exclude_advertised_networks),
    }


def annotation_patch(node: Json, wanted: Mapping[str, str]) -> Json | None:
    """Return the merge patch that gives ``node`` these annotations.

    Args:
        node: the Node object as it is.
        wanted: by name; an empty value removes the annotation.

    Returns:
        A patch for both merge patch types; None when nothing needs doing.
    """
    current = _annotations(node)
    changes = {
        name: text or None
        for name, text in wanted.items()
        if (text or None) != current.get(name)
    }
    return {"metadata": {"annotations": changes}} if changes else None


def decode_node(node: Json) -> DecodedNode:
    """Return what a Node object says; parts that make no sense are left out.

    Raises:
        WireError: it has no name.
    """
    name = _text(_mapping(node.get("metadata")).get("name"))
    if not name:
        raise WireError("node: without a name")
    pod_networks, skipped = _parse_each(_prefix, _pod_network_texts(node))
    annotations = _annotations(node)
    node_id = _text(annotations.get(NODE_ID))
    if not node_id:
        return DecodedNode(name, None, pod_networks, skipped)
    if len(node_id.encode(errors="replace")) > ID_MAX_BYTES:
        return DecodedNode(name, None, pod_networks, skipped + 1)
    reader = _AnnotationReader(annotations)
    affiliate = _affiliate(node, name, node_id, reader)
    return DecodedNode(
        name,
        affiliate,
        pod_networks,
        skipped + reader.skipped,
        reader.skipped_endpoints,
    )


class _AnnotationReader:
    """Reads annotations of one node and counts what made no sense."""

    def __init__(self, annotations: Json) -> None:
        self._annotations = annotations
        self.skipped = 0
        self.skipped_endpoints = 0

    def text(self, name: str) -> str:
        return _text(self._annotations.get(name))

    def each(self, parse: Callable[[str], T], name: str) -> tuple[T, ...]:
        text = self.text(name)
        values, skipped = _parse_each(parse, text.split(",") if text else ())
        self.skipped += skipped
        return values

    def one(self, parse: Callable[[str], T], name: str) -> T | None:
        values, skipped = _parse_each(parse, filter(None, (self.text(name),)))
        self.skipped += skipped
        return values[0] if values else None

    def endpoints(self) -> tuple[Endpoint, ...]:
        text = self.text(KUBESPAN_ENDPOINTS)
        values, self.skipped_endpoints = _parse_each(
            Endpoint.from_text, text.split(",") if text else ()
        )
        return values


def _affiliate(
    node: Json, name: str, node_id: str, reader: _AnnotationReader
) -> Affiliate:
    status = _mapping(node.get("status"))
    labels = _mapping(_mapping(node.get("metadata")).get("labels"))
    is_control_plane = CONTROL_PLANE_LABEL in labels
    return Affiliate(
        node_id=node_id,
        addresses=reader.each(ip_address, SELF_IPS),
        hostname=_hostname(status),
        nodename=name,
        operating_system=_text(_mapping(status.get("nodeInfo")).get("osImage")),
        machine_type=(
            MachineType.CONTROL_PLANE if is_control_plane else MachineType.WORKER
        ),
        kubespan=KubeSpanAffiliate(
            public_key=reader.text(KUBESPAN_PUBLIC_KEY),
            address=reader.one(ip_address, KUBESPAN_IP),
            additional_addresses=reader.each(_prefix, ASSIGNED_PREFIXES),
            endpoints=reader.endpoints(),
            exclude_advertised_networks=reader.each(_prefix, KUBESPAN_EXCLUDES),
        ),
        control_plane=reader.one(_control_plane, API_SERVER_PORT),
    )


def _hostname(status: Json) -> str:
    for address in _items(status.get("addresses")):
        fields = _mapping(address)
        if fields.get("type") == "Hostname":
            return _text(fields.get("address"))
    return ""


def _pod_network_texts(node: Json) -> Iterable[str]:
    spec = _mapping(node.get("spec"))
    texts = [_text(item) for item in _items(spec.get("podCIDRs"))]
    # Single-stack clusters of old have only the singular field.
    return texts or filter(None, (_text(spec.get("podCIDR")),))


def _prefix(text: str) -> Prefix:
    """Parse address/length; masks, zones and a missing length are no prefixes."""
    address, _, bits = text.partition("/")
    if not (bits.isascii() and bits.isdigit()) or "%" in address:
        raise ValueError(f"prefix {text!r}")
    return ip_interface(text)


def _control_plane(text: str) -> ControlPlane:
    if not (text.isascii() and text.isdigit()) or len(text) > len(str(PORT_MAX)):
        raise ValueError(f"port {text!r}")
    if not 0 < (port := int(text)) <= PORT_MAX:
        raise ValueError(f"port {text!r}")
    return ControlPlane(port)


def _ip_text(ip: IPAddress) -> str:
    """Write an address as Go does: IPv4-mapped ones end in dotted form."""
    if isinstance(ip, IPv4Address) or ip.ipv4_mapped is None:
        return str(ip)
    zone = f"%{ip.scope_id}" if ip.scope_id else ""
    return f"::ffff:{ip.ipv4_mapped}{zone}"


def _prefix_text(prefix: IPv4Interface | IPv6Interface) -> str:
    ip = ip_address(prefix.ip.packed)
    return f"{_ip_text(ip)}/{prefix.network.prefixlen}"


def _endpoint_text(endpoint: Endpoint) -> str:
    text = _ip_text(endpoint.ip)
    is_ipv4 = isinstance(endpoint.ip, IPv4Address)
    return f"{text}:{endpoint.port}" if is_ipv4 else f"[{text}]:{endpoint.port}"


def _join(render: Callable[[T], str], values: Iterable[T]) -> str:
    return ",".join(map(render, values))


def _parse_each(
    parse: Callable[[str], T], texts: Iterable[str]
) -> tuple[tuple[T, ...], int]:
    """Return what parses, in order, and how many texts did not."""
    good: list[T] = []
    skipped = 0
    for text in texts:
        try:
            good.append(parse(text))
        except ValueError:
            skipped += 1
    return tuple(good), skipped


def _annotations(node: Json) -> Json:
    return _mapping(_mapping(node.get("metadata")).get("annotations"))


def _mapping(value: object) -> Json:
    return cast("Json", value) if isinstance(value, Mapping) else {}


def _items(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
