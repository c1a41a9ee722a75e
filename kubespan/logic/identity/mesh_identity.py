"""A node's place in the mesh.

Source:
    kubespan.md sections 1.5 and 1.6.
"""

from collections.abc import Iterable
from ipaddress import IPv6Network

from kubespan.logic.identity.addressing import (
    first_hardware_address,
    host_part_from_mac,
    host_part_from_node_id,
    mesh_address,
    mesh_prefix,
)
from kubespan.model.constants import LINK_NAME
from kubespan.model.host import HostAddress, HostLink
from kubespan.model.identity import MeshIdentity, NodeIdentity


def establish_mesh_identity(
    cluster_id: str, node: NodeIdentity, links: Iterable[HostLink]
) -> MeshIdentity:
    """Return our identity; without a physical link it follows from the node ID."""
    mac = first_hardware_address(links)
    host_part = host_part_from_mac(mac) if mac else host_part_from_node_id(node.node_id)
    subnet = mesh_prefix(cluster_id)
    return MeshIdentity(
        address=mesh_address(subnet, host_part),
        subnet=subnet,
        private_key=node.private_key,
        public_key=node.public_key,
        cluster_id=cluster_id,
        from_hardware=mac is not None,
    )


def intruders(
    subnet: IPv6Network, addresses: Iterable[HostAddress]
) -> tuple[HostAddress, ...]:
    """Return addresses of other links whose networks overlap the mesh prefix."""
    return tuple(
        seen
        for seen in addresses
        if seen.link != LINK_NAME
        and isinstance(seen.address.network, IPv6Network)
        and seen.address.network.overlaps(subnet)
    )
