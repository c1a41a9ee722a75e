"""A small cluster as its nodes seal it, by the code of the nodes themselves."""

import base64
from dataclasses import replace
from urllib.parse import quote

from kubespan.drivers.discovery.seals import DiscoverySeals
from kubespan.model.affiliate import Affiliate, ControlPlane, MachineType
from kubespan.model.keys import SecretKey
from tests.builders import (
    CLUSTER_ID,
    a_mesh_part,
    a_secret,
    an_affiliate,
    endpoints,
    ips,
    prefixes,
)
from tests.discovery.web.a_site import World

SECRET = a_secret("cluster")
SECRET_TEXT = base64.b64encode(SECRET.raw).decode()
PATH = f"/inspect?clusterID={quote(CLUSTER_ID, safe='')}"
NODES = (
    an_affiliate(
        "7x1SuC8Ege5BGXdAfTEff5iQnlWZLfv9h1LGMxA2pYkC",
        hostname="cp-1.example.net",
        nodename="cp-1",
        machine_type=MachineType.CONTROL_PLANE,
        operating_system="Talos (v1.12.4)",
        addresses=ips("10.0.0.11", "2001:db8:0:1::11"),
        control_plane=ControlPlane(6443),
        kubespan=a_mesh_part(
            "cp-1",
            additional_addresses=prefixes("10.244.0.0/24"),
            endpoints=endpoints("198.51.100.11:51820", "[2001:db8:0:1::11]:51820"),
        ),
    ),
    an_affiliate(
        "Nn5eHhu6Jk1fXcUqTz0vWb2YgRr8mQd3oPaLsKi4jC7x",
        hostname="rack-7.example.net",
        nodename="rack-7",
        addresses=ips("10.0.0.27"),
        kubespan=a_mesh_part("rack-7", endpoints=endpoints("203.0.113.27:51820")),
    ),
)


def put(
    world: World, affiliate: Affiliate, secret: SecretKey = SECRET, life_s: int = 1500
) -> None:
    """Store a node's record as the node itself would push it."""
    nonce = affiliate.node_id.encode()[:12].ljust(12, b"\0")
    sealed = DiscoverySeals(secret).seal_own(affiliate, nonce)
    world.put(
        affiliate.node_id,
        sealed.data,
        sealed.endpoints,
        cluster_id=CLUSTER_ID,
        life_s=life_s,
    )


def put_all(world: World) -> None:
    """Store the whole cluster."""
    for number, node in enumerate(NODES):
        put(world, node, life_s=1500 - 300 * number)


def a_stranger() -> Affiliate:
    """A node whose record was sealed with another secret."""
    return replace(NODES[1], node_id="Zk3Qv9aBcDeFgHiJkLmNoPqRsTuVwXyZ012345678901")
