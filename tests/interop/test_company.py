"""Nodes of both makes in one cluster: the client Talos runs, and ours."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from kubespan.model.affiliate import (
    Affiliate,
    ControlPlane,
    KubeSpanAffiliate,
    MachineType,
)
from kubespan.model.endpoint import Endpoint
from kubespan.model.peer import HarvestedEndpoint
from kubespan.wire.affiliate import decode_affiliate, decode_endpoint
from tests.builders import (
    a_mesh_part,
    a_public_key,
    an_affiliate,
    endpoints,
    ips,
    prefixes,
)
from tests.discovery_builders import until
from tests.interop.go_program import play
from tests.interop.our_nodes import Cluster, OurNode
from tests.interop.server_under_test import Server, a_server

pytestmark = [pytest.mark.interop, pytest.mark.timeout(120)]

SHARED = endpoints("198.51.100.3:51820")
# The same as in company.go.
GO = Affiliate(
    "go",
    addresses=ips("10.0.0.7", "2001:db8::7"),
    hostname="host-go",
    nodename="node-go",
    operating_system="Talos (v1.12.4)",
    machine_type=MachineType.CONTROL_PLANE,
    kubespan=KubeSpanAffiliate(
        public_key="cGVlciBrZXkgb2YgdGhlIG5vZGUgY2FsbGVkIGdvISE=",
        address=ips("fd00::7")[0],
        additional_addresses=prefixes("10.244.7.0/24"),
        endpoints=endpoints("192.0.2.7:51820", "[2001:db8::7]:51821"),
        exclude_advertised_networks=prefixes("10.244.7.128/25", "2001:db8:7::/64"),
    ),
    control_plane=ControlPlane(6443),
)
OTHER = an_affiliate(
    "other",
    addresses=ips("192.0.2.9", "2001:db8::9"),
    machine_type=MachineType.CONTROL_PLANE,
    control_plane=ControlPlane(6443),
    kubespan=a_mesh_part(
        "other",
        endpoints=endpoints("192.0.2.9:51820", "[2001:db8::9]:1"),
        additional_addresses=prefixes("10.244.9.0/24", "fd00:9::/64"),
        exclude_advertised_networks=prefixes("10.244.9.0/25"),
    ),
)


class Company:
    """What our node does when the program in Go asks for it."""

    def __init__(self, node: OurNode, server: Server) -> None:
        self._node = node
        self._server = server
        self.orders = {
            "publish the other": self._publish,
            "report the endpoint of the third": self._report,
            "see what go published": self._see,
            "see go leave, then leave": self._leave,
        }

    async def _publish(self) -> None:
        self._node.publish(self._server, affiliate=OTHER)

    async def _report(self) -> None:
        key = a_public_key("third")
        harvested = (HarvestedEndpoint(key, "third", SHARED[0]),)
        self._node.publish(self._server, harvested=harvested)

    async def _see(self) -> None:
        await until(lambda: self._node.find("go") == GO)
        await until(lambda: self._node.mesh_part("third").endpoints == SHARED)

    async def _leave(self) -> None:
        await until(lambda: self._node.find("go") is None)
        assert await self._node.clients.delete_local() == ()


# Checklist 84, 85, 77.
async def test_each_discovers_the_other_and_sees_it_leave(
    go_client: Path, tmp_path: Path
) -> None:
    cluster = Cluster(tmp_path, "company")

    async with a_server() as server, cluster.node("other") as node:
        said = await play(
            go_client,
            server,
            "Company",
            *("-run", cluster.run, "-key", cluster.secret.raw.hex()),
            orders=Company(node, server).orders,
        )

    seen = dict(shown(said))
    assert seen["other"] == OTHER
    assert seen["third"].kubespan.endpoints == SHARED


def shown(said: str) -> Iterator[tuple[str, Affiliate]]:
    """What the program in Go saw of others, by ID."""
    for line in said.splitlines():
        match line.split():
            case ["saw", node_id, record, *blobs]:
                affiliate = decode_affiliate(bytes.fromhex(record))
                found: list[Endpoint] = [
                    decode_endpoint(bytes.fromhex(blob)) for blob in blobs
                ]
                part = replace(affiliate.kubespan, endpoints=tuple(found))
                yield node_id, replace(affiliate, kubespan=part)
