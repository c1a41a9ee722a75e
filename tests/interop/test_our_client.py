"""Our client against a service, in the scenarios of the reference's own client tests.

The same as in ``test_go_client.py``; discovery.md 6.2. Checklist 88 is this file with
the official service in the place of ours (see ``server_under_test.py``).
"""

from contextlib import AsyncExitStack
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from kubespan.model.affiliate import Affiliate
from kubespan.model.endpoint import Endpoint
from kubespan.model.peer import HarvestedEndpoint
from kubespan.wire.affiliate import encode_affiliate
from kubespan.wire.sealing import SEAL_OVERHEAD_BYTES
from tests.builders import a_public_key, an_affiliate, endpoints, networks, prefixes
from tests.discovery.certificates import make_certificate, write_pair
from tests.discovery_builders import until
from tests.interop.our_nodes import Cluster, OurNode
from tests.interop.server_under_test import (
    Need,
    Server,
    a_server,
    skip_if_foreign,
)
from tests.interop.service_pair import a_pair
from tests.interop.service_process import ServiceProcess

pytestmark = [pytest.mark.interop, pytest.mark.timeout(120)]

ADDED = "1.2.3.4:5678"


# Checklist 69, 70, 71, 73, 76, 77: the scenario TwoClients, with its budgets.
async def test_two_nodes_meet_change_and_leave(tmp_path: Path) -> None:
    cluster = Cluster(tmp_path, "two")

    async with (
        a_server() as server,
        cluster.node("af_1") as one,
        cluster.node("af_2") as two,
    ):
        two.publish(server)
        await until(lambda: two.is_connected, 2)
        assert two.known == set()

        one.publish(server)
        await until(lambda: sees(one, two) and sees(two, one), 2)

        changed = one.with_endpoints(*one.affiliate.kubespan.endpoints, at(ADDED))
        one.publish(server, affiliate=changed)
        await until(lambda: sees(two, one), 1)
        assert one.public_addresses

        assert await one.clients.delete_local() == ()
        # 3 s: a deletion is confirmed by asking before it counts
        await until(lambda: two.known == set(), 5)


async def test_two_nodes_meet_over_tls(tmp_path: Path) -> None:
    certificate, key = write_pair(tmp_path, make_certificate("service"))
    pair = {"certificate_path": certificate, "key_path": key}

    async with (
        a_server(Need.CONTROL, **pair) as server,
        Cluster(tmp_path, "tls").nodes(2, server) as (one, two),
    ):
        await until(lambda: sees(one, two) and sees(two, one), 3)


# The scenario AffiliateExpire.
async def test_a_silent_node_is_forgotten(tmp_path: Path) -> None:
    cluster = Cluster(tmp_path, "expire", ttl_s=1.0)

    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(a_server(Need.TUNED))
        (two,) = await stack.enter_async_context(cluster.nodes(1, server))
        async with cluster.node("silent") as one:
            one.publish(server)
            await until(lambda: sees(two, one), 3)

        # lifetime, sweep, and the question whether it is true
        await until(lambda: two.known == set(), 2 + 1 + 4)


# The scenarios Cluster1, 2 and 3: within 5 s everybody knows everybody.
@pytest.mark.parametrize("count", [5, 15, 50])
async def test_many_nodes_tell_endpoints_of_each_other(
    tmp_path: Path, count: int
) -> None:
    cluster = Cluster(tmp_path, f"cluster-{count}", ttl_s=10.0)

    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(a_server(Need.TUNED))
        nodes = await stack.enter_async_context(cluster.nodes(count))
        for number, (node, neighbour) in enumerate(pairwise([*nodes, nodes[0]])):
            affiliate = node.with_endpoints(port(number, 10))
            node.publish(
                server,
                affiliate=affiliate,
                harvested=(seen(neighbour, port((number + 1) % count, 100)),),
            )

        await until(lambda: all(knows_all(node, count) for node in nodes), 5)


# Checklist 85.
async def test_an_endpoint_two_nodes_report_of_a_third_is_one(tmp_path: Path) -> None:
    async with (
        a_server() as server,
        Cluster(tmp_path, "third").nodes(3, server) as (one, two, third),
    ):
        third.publish(server, affiliate=third.with_endpoints())
        for node in (one, two):
            node.publish(server, harvested=(seen(third, at(ADDED)),))

        await until(lambda: one.mesh_part(third.node_id).endpoints == endpoints(ADDED))
        await until(lambda: two.mesh_part(third.node_id).endpoints == endpoints(ADDED))


# Checklist 13, from outside: what just fits arrives whole.
async def test_the_largest_record_there_can_be_arrives(tmp_path: Path) -> None:
    async with (
        a_server() as server,
        Cluster(tmp_path, "large").nodes(2, server) as (one, two),
    ):
        affiliate = a_large_affiliate(one.node_id)
        one.publish(server, affiliate=affiliate)

        await until(lambda: two.find(one.node_id) == affiliate, 3)


async def test_a_record_too_large_is_told_and_the_last_one_stays(
    tmp_path: Path,
) -> None:
    async with (
        a_server() as server,
        Cluster(tmp_path, "larger").nodes(2, server) as (one, two),
    ):
        await until(lambda: sees(two, one), 3)
        last = one.affiliate
        larger = replace(a_large_affiliate(one.node_id), hostname="h" * 2000)
        one.publish(server, affiliate=larger)

        await until(lambda: "announcement" in one.publisher.notices)
        assert "2048" in one.publisher.notices["announcement"]
        assert two.find(one.node_id) == last


# Checklist 33 seen from a client: 1,000 endpoints live, 200 replaced at a time.
async def test_a_thousand_endpoints_come_and_go_and_no_node_does(
    tmp_path: Path,
) -> None:
    cluster = Cluster(tmp_path, "churn", ttl_s=4.0)

    async with (
        a_server(Need.TUNED) as server,
        cluster.nodes(20, server) as nodes,
    ):
        for turn in range(3):
            for number, node in enumerate(nodes):
                affiliate = node.with_endpoints(*of_turn(number, turn))
                node.publish(server, affiliate=affiliate)

            await until(lambda now=turn: is_turn(nodes, now), 20)
            assert all(len(node.known) == 19 for node in nodes)


# Checklist 90: to the service under test, from one of ours.
async def test_nodes_follow_when_their_service_comes_back_to_redirect(
    tmp_path: Path,
) -> None:
    async with (
        a_pair(tmp_path) as (first, second),
        Cluster(tmp_path, "redirect").nodes(2, Server(first.address)) as (one, two),
    ):
        await until(lambda: sees(one, two) and sees(two, one))
        await first.kill()
        redirect = ("--redirect-endpoint", second.address)
        await first.start("--snapshots-enabled=false", *redirect)
        for node in (one, two):
            await until(lambda at=node: is_at(at, second))
        assert await first.stop() == 0

        changed = one.with_endpoints(at(ADDED))
        one.publish(Server(first.address), affiliate=changed)

        await until(lambda: at(ADDED) in two.mesh_part(one.node_id).endpoints, 2)


async def test_nodes_of_a_service_that_drains_go_where_it_sends_them(
    tmp_path: Path,
) -> None:
    async with a_pair(tmp_path) as (first, second):
        await first.kill()
        draining = ("--drain-time=2s", f"--drain-redirect={second.address}")
        await first.start("--snapshots-enabled=false", *draining)
        async with Cluster(tmp_path, "drain").nodes(5, Server(first.address)) as nodes:
            await until(lambda: all(len(node.known) == 4 for node in nodes))

            assert await first.stop() == 0

            await until(lambda: all(is_at(node, second) for node in nodes))
            assert all(len(node.known) == 4 for node in nodes)


# Checklist 91 with our client, 74 and 75.
async def test_nodes_lose_nobody_over_a_restart(tmp_path: Path) -> None:
    skip_if_foreign(Need.CONTROL)
    service = ServiceProcess(tmp_path / "log")
    options = (f"--snapshot-path={tmp_path / 'state.binpb'}",)
    await service.start(*options)
    server = Server(service.address)

    try:
        async with Cluster(tmp_path, "restart").nodes(10, server) as nodes:
            await until(lambda: all(len(node.known) == 9 for node in nodes))
            await service.stop()
            await until(lambda: not any(node.is_connected for node in nodes))
            assert all(len(node.known) == 9 for node in nodes)

            await service.start(*options)
            await until(lambda: all(node.is_connected for node in nodes), 10)
            assert all(len(node.known) == 9 for node in nodes)

        # served from disk: at no time did a snapshot lack anybody
        assert not any(node.publisher.lost for node in nodes)
    finally:
        await service.kill()


def at(text: str) -> Endpoint:
    return Endpoint.from_text(text)


def port(number: int, factor: int) -> Endpoint:
    return at(f"192.0.2.1:{(number + 1) * factor}")


def seen(node: OurNode, endpoint: Endpoint) -> HarvestedEndpoint:
    return HarvestedEndpoint(a_public_key(node.node_id), node.node_id, endpoint)


def sees(node: OurNode, other: OurNode) -> bool:
    return node.find(other.node_id) == other.affiliate


def is_at(node: OurNode, server: Server) -> bool:
    status = node.status
    return (
        node.is_connected and status is not None and status.endpoint == server.address
    )


def knows_all(node: OurNode, count: int) -> bool:
    """Whether all others are known with just the two endpoints told of each."""
    return len(node.known) == count - 1 and all(
        set(node.mesh_part(f"node-{number}").endpoints)
        == {port(number, 10), port(number, 100)}
        for number in range(count)
        if f"node-{number}" != node.node_id
    )


def of_turn(number: int, turn: int) -> list[Endpoint]:
    first = number * 1000 + turn * 10 + 1
    return [at(f"192.0.2.1:{first + offset}") for offset in range(50)]


def is_turn(nodes: list[OurNode], turn: int) -> bool:
    return all(
        set(node.mesh_part(other.node_id).endpoints) == set(of_turn(number, turn))
        for node in nodes
        for number, other in enumerate(nodes)
        if node is not other
    )


def a_large_affiliate(node_id: str) -> Affiliate:
    """An affiliate of 2,048 bytes when sealed: the most a service accepts."""
    affiliate = an_affiliate(node_id)
    part = replace(
        affiliate.kubespan,
        additional_addresses=prefixes(*map(str, networks("10.244.0.0/16"))),
    )
    affiliate = replace(affiliate, kubespan=part, hostname="")
    room = 2048 - SEAL_OVERHEAD_BYTES - len(encode_affiliate(affiliate))
    return replace(affiliate, hostname="h" * (room - 3))
