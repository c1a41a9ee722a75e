"""Who is wired to whom in a lab: pure, so that it can be read before it is built.

::

    discovery 198.19.255.2 ──┐
    node-1    198.18.1.2 ────┤                        ┌── node-3 10.99.1.2
    node-2    198.18.2.2 ────┼── internet ──── nat1 ──┤
                             │          198.19.1.2    └── node-4 10.99.1.3
    each node ── its pod 10.244.<i>.2 behind 10.244.<i>.1

All addresses are from ranges no real network routes (RFC 2544, RFC 1918, RFC 3849).
"""

import re
from dataclasses import dataclass, field, replace
from enum import StrEnum
from ipaddress import IPv4Interface, IPv4Network, IPv6Interface, ip_interface

from kubespan.lab.errors import LabError

PREFIX = "kslab-"
NODES_MAX = 250
GATEWAYS_MAX = 250
INTERNET = "internet"
DISCOVERY = "discovery"
DISCOVERY_PORT = 3000
NAME = re.compile(r"[a-z][a-z0-9]{0,15}")

IPInterface = IPv4Interface | IPv6Interface


class Kind(StrEnum):
    """What a namespace plays."""

    ROUTER = "router"
    DISCOVERY = "discovery"
    GATEWAY = "gateway"
    NODE = "node"
    POD = "pod"


@dataclass(frozen=True, slots=True)
class Port:
    """One end of a cable.

    Attributes:
        interface: at most 15 characters.
        addresses: with the prefix length of the segment; may be empty.
        mac: fixed hardware address; empty lets the kernel choose.
        bridge: interface of the same namespace it is plugged into; may be empty.
    """

    namespace: str
    interface: str
    addresses: tuple[IPInterface, ...] = ()
    mac: str = ""
    bridge: str = ""


@dataclass(frozen=True, slots=True)
class Cable:
    """A veth pair; `leaf` belongs to the namespace that brings the cable along."""

    leaf: Port
    hub: Port


@dataclass(frozen=True, slots=True)
class Bridge:
    """A switch inside a namespace that also has addresses of its own."""

    interface: str
    addresses: tuple[IPInterface, ...]


@dataclass(frozen=True, slots=True)
class Namespace:
    """One network namespace, known by its short name inside the lab.

    Attributes:
        gateways: next hops of its default routes, at most one per family.
        forwards: passes on packets that are not its own.
        masquerades: hides what is behind ``lan`` from what is beyond ``wan``.
    """

    name: str
    kind: Kind
    gateways: tuple[IPInterface, ...] = ()
    bridges: tuple[Bridge, ...] = ()
    forwards: bool = False
    masquerades: bool = False


@dataclass(frozen=True, slots=True)
class NodePlan:
    """Where one node stands.

    Attributes:
        gateway: number of the NAT gateway it is behind; 0 for a public node.
        address: of its network card, with the prefix length of the segment.
        pod_network: what it advertises besides its addresses.
        pod_address: answers inside `pod_network`, in a namespace behind the node.
    """

    index: int
    gateway: int
    address: IPv4Interface
    pod_network: IPv4Network
    pod_address: IPv4Interface

    @property
    def name(self) -> str:
        """Short name and host name, ``node-<index>``."""
        return f"node-{self.index}"

    @property
    def pod(self) -> str:
        """Short name of its pod's namespace."""
        return f"{self.name}-pod"

    @property
    def outside_address(self) -> str:
        """The address under which the others see its packets arrive."""
        if self.gateway:
            return str(_gateway_wan(self.gateway).ip)
        return str(self.address.ip)

    @property
    def outside_port(self) -> str:
        """Interface of the internet router through which its packets pass."""
        return gateway_name(self.gateway) if self.gateway else self.name


@dataclass(frozen=True, slots=True)
class LabSpec:
    """What is wanted of a lab.

    Attributes:
        name: lower case letters and digits, at most 16, a letter first.
        nodes: how many daemons, 1 to 250; the first `nodes` - `nat` are public.
        nat: how many of them stand behind a NAT gateway.
        gateways: how many NAT gateways they are spread over, in turn. Behind different
            gateways two nodes meet if each is alone (its port is kept); a second node
            behind one has a port there that it cannot announce.
        ipv6: public nodes have an IPv6 address, too.
        wireguard: ``auto``, ``kernel`` or ``userspace``, for all nodes.
        kubespan_options: further keys of every node's ``KubeSpanConfig``.
        host_options: further keys of every node's ``KubeSpanHostConfig``.
        discovery_options: further arguments of the discovery service.
        environment: further variables of every daemon.
    """

    name: str = "lab"
    nodes: int = 4
    nat: int = 1
    gateways: int = 1
    ipv6: bool = False
    wireguard: str = "auto"
    kubespan_options: dict[str, object] = field(default_factory=dict)
    host_options: dict[str, object] = field(default_factory=dict)
    discovery_options: tuple[str, ...] = ()
    environment: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        refuse_bad_name(self.name)
        if not 1 <= self.nodes <= NODES_MAX:
            raise LabError(f"a lab has 1 to {NODES_MAX} nodes, not {self.nodes}")
        if not 0 <= self.nat <= self.nodes:
            raise LabError(f"{self.nat} of {self.nodes} nodes cannot be behind NAT")
        if not 1 <= self.gateways <= GATEWAYS_MAX:
            raise LabError(f"a lab has 1 to {GATEWAYS_MAX} gateways")

    @property
    def placements(self) -> tuple[int, ...]:
        """Gateway number of each node in order; 0 for a public one."""
        behind = (1 + number % self.gateways for number in range(self.nat))
        return (0,) * (self.nodes - self.nat) + tuple(behind)


@dataclass(frozen=True, slots=True)
class Topology:
    """A whole lab on paper.

    Attributes:
        namespaces: in the order in which they are made.
        nodes: sorted by index.
    """

    name: str
    namespaces: tuple[Namespace, ...]
    cables: tuple[Cable, ...]
    nodes: tuple[NodePlan, ...]
    ipv6: bool = False

    def netns(self, short: str) -> str:
        """Return the name under which ``ip netns`` knows a namespace."""
        return f"{PREFIX}{self.name}-{short}"

    @property
    def placements(self) -> tuple[int, ...]:
        """As `LabSpec.placements`, with the nodes that joined since."""
        return tuple(node.gateway for node in self.nodes)


def refuse_bad_name(name: str) -> None:
    """Raise `LabError` unless `name` can be a lab's name.

    A dash is refused: lab ``a`` must never take namespaces of lab ``a-b`` for its own.
    """
    if not NAME.fullmatch(name):
        raise LabError(
            f"lab name {name!r}: 1 to 16 lower case letters and digits, a letter first"
        )


def gateway_name(number: int) -> str:
    """Return the short name of a NAT gateway's namespace."""
    return f"nat{number}"


def plan_topology(
    name: str, placements: tuple[int, ...], *, ipv6: bool = False
) -> Topology:
    """Return the lab with one node per placement (0 public, else gateway number)."""
    topology = Topology(name, *_backbone(), nodes=(), ipv6=ipv6)
    for gateway in placements:
        topology = extend_topology(topology, gateway)
    return topology


def extend_topology(topology: Topology, gateway: int = 0) -> Topology:
    """Return the lab with one node more; nothing that was there changes.

    Raises:
        LabError: it is full.
    """
    index = len(topology.nodes) + 1
    if index > NODES_MAX:
        raise LabError(f"a lab has at most {NODES_MAX} nodes")
    if gateway and gateway not in topology.placements:
        topology = _with(topology, *_gateway(gateway))
    position = topology.placements.count(gateway) + 1
    node = _node_plan(index, gateway, position)
    topology = replace(topology, nodes=(*topology.nodes, node))
    topology = _with(topology, *_node(node, ipv6=topology.ipv6 and not gateway))
    return _with(topology, *_pod(node))


def _with(topology: Topology, namespace: Namespace, cable: Cable) -> Topology:
    return replace(
        topology,
        namespaces=(*topology.namespaces, namespace),
        cables=(*topology.cables, cable),
    )


def _backbone() -> tuple[tuple[Namespace, ...], tuple[Cable, ...]]:
    router = Namespace(INTERNET, Kind.ROUTER, forwards=True)
    hub = Port(INTERNET, DISCOVERY, _interfaces("198.19.255.1/24"))
    leaf = Port(DISCOVERY, "eth0", _interfaces("198.19.255.2/24"))
    discovery = Namespace(DISCOVERY, Kind.DISCOVERY, gateways=hub.addresses)
    return (router, discovery), (Cable(leaf, hub),)


def _gateway(number: int) -> tuple[Namespace, Cable]:
    name = gateway_name(number)
    hub = Port(INTERNET, name, _interfaces(f"198.19.{number}.1/24"))
    leaf = Port(name, "wan", (_gateway_wan(number),))
    namespace = Namespace(
        name,
        Kind.GATEWAY,
        gateways=hub.addresses,
        bridges=(Bridge("lan", _interfaces(f"10.99.{number}.1/24")),),
        forwards=True,
        masquerades=True,
    )
    return namespace, Cable(leaf, hub)


def _gateway_wan(number: int) -> IPv4Interface:
    return IPv4Interface(f"198.19.{number}.2/24")


def _node_plan(index: int, gateway: int, position: int) -> NodePlan:
    behind = f"10.99.{gateway}.{1 + position}/24"
    return NodePlan(
        index=index,
        gateway=gateway,
        address=IPv4Interface(behind if gateway else f"198.18.{index}.2/24"),
        pod_network=IPv4Network(f"10.244.{index}.0/24"),
        pod_address=IPv4Interface(f"10.244.{index}.2/24"),
    )


def _node(node: NodePlan, *, ipv6: bool) -> tuple[Namespace, Cable]:
    router = node.address.network[1]
    near: tuple[IPInterface, ...] = _interfaces(f"{router}/24")
    own: tuple[IPInterface, ...] = (node.address,)
    if ipv6:
        near += _interfaces(f"2001:db8:0:{node.index:x}::1/64")
        own += _interfaces(f"2001:db8:0:{node.index:x}::2/64")
    mac = f"02:6b:73:00:00:{node.index:02x}"
    leaf = Port(node.name, "eth0", own, mac=mac)
    namespace = Namespace(node.name, Kind.NODE, gateways=near, forwards=True)
    if node.gateway:
        hub = Port(gateway_name(node.gateway), node.name, bridge="lan")
        return namespace, Cable(leaf, hub)
    return namespace, Cable(leaf, Port(INTERNET, node.name, near))


def _pod(node: NodePlan) -> tuple[Namespace, Cable]:
    hub = Port(node.name, "pods", _interfaces(f"{node.pod_network[1]}/24"))
    leaf = Port(node.pod, "eth0", (node.pod_address,))
    return Namespace(node.pod, Kind.POD, gateways=hub.addresses), Cable(leaf, hub)


def _interfaces(*texts: str) -> tuple[IPInterface, ...]:
    return tuple(ip_interface(text) for text in texts)
