"""How the nodes of a lab are, as one looks."""

from dataclasses import asdict, dataclass
from typing import Any

from kubespan.lab.convergence import UP
from kubespan.lab.errors import LabError
from kubespan.lab.lab import Lab
from kubespan.lab.node import LabNode
from kubespan.lab.service import LabDiscovery
from kubespan.lab.topology import DISCOVERY, gateway_name

HEADER = ("LAB", "NODE", "BEHIND", "ADDRESS", "PODS", "DAEMON", "PEERS UP")


@dataclass(frozen=True, slots=True)
class NodeStatus:
    """One row: a node, or the discovery service.

    Attributes:
        behind: its NAT gateway; empty for a public node.
        daemon: ``running``, ``stopped``, or ``gone`` with its whole namespace.
        peers_up: as its daemon says; None when it does not say.
    """

    lab: str
    node: str
    behind: str
    address: str
    pods: str
    daemon: str
    peers_up: int | None = None

    def as_json(self) -> dict[str, Any]:
        """Return the row for ``-o json``."""
        return asdict(self)


def lab_status(name: str) -> list[NodeStatus]:
    """Return one row per node, then one for the discovery service.

    A lab that cannot be read, such as what a killed one left, is one row that says so.
    """
    try:
        lab = Lab.load(name)
    except LabError:
        return [NodeStatus(name, "-", "", "", "", "leftover: lab destroy")]
    rows = [_node_status(lab, node) for node in lab.nodes]
    return [*rows, _service_status(lab, lab.discovery)]


def render_status(rows: list[NodeStatus]) -> str:
    """Return rows as an aligned table."""
    cells = [HEADER, *(_cells(row) for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return "\n".join(
        "   ".join(
            cell.ljust(width) for cell, width in zip(row, widths, strict=True)
        ).rstrip()
        for row in cells
    )


def _cells(row: NodeStatus) -> tuple[str, ...]:
    peers = "-" if row.peers_up is None else str(row.peers_up)
    return (
        row.lab,
        row.node,
        row.behind or "-",
        row.address,
        row.pods,
        row.daemon,
        peers,
    )


def _node_status(lab: Lab, node: LabNode) -> NodeStatus:
    daemon = _daemon_state(node)
    return NodeStatus(
        lab=lab.name,
        node=node.name,
        behind=gateway_name(node.plan.gateway) if node.plan.gateway else "",
        address=str(node.plan.address.ip),
        pods=str(node.pod_network),
        daemon=daemon,
        peers_up=_peers_up(node) if daemon == "running" else None,
    )


def _service_status(lab: Lab, service: LabDiscovery) -> NodeStatus:
    address = "198.19.255.2"
    return NodeStatus(lab.name, DISCOVERY, "", address, "-", _daemon_state(service))


def _daemon_state(daemon: LabNode | LabDiscovery) -> str:
    try:
        _ = daemon.place.holder
    except LabError:
        return "gone"
    return "running" if daemon.is_running else "stopped"


def _peers_up(node: LabNode) -> int | None:
    try:
        states = node.peer_states()
    except LabError:
        return None
    return sum(state == UP for state in states.values())
