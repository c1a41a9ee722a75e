"""Two replicas on a real etcd, with real clients of both makes."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.etcd_processes import an_etcd, needs_etcd
from tests.interop.balancer import a_balancer
from tests.interop.go_program import play
from tests.interop.our_nodes import Cluster
from tests.interop.server_under_test import Need, Server, skip_if_foreign
from tests.interop.service_process import ServiceProcess
from tests.interop.test_company import OTHER, Company, shown

pytestmark = [pytest.mark.interop, needs_etcd, pytest.mark.timeout(180)]


@asynccontextmanager
async def two_replicas(
    directory: Path,
) -> AsyncIterator[tuple[ServiceProcess, ServiceProcess]]:
    """Replicas that share an etcd of one member."""
    skip_if_foreign(Need.CONTROL)
    with an_etcd(directory) as etcd:
        options = ("--store=etcd", f"--etcd-endpoints={','.join(etcd.endpoints)}")
        one, two = (ServiceProcess(directory / name) for name in ("one", "two"))
        try:
            await one.start(*options)
            await two.start(*options)
            yield one, two
        finally:
            await one.kill()
            await two.kill()


# Checklist 84, across replicas.
async def test_clients_of_two_replicas_discover_each_other(
    go_client: Path, tmp_path: Path
) -> None:
    cluster = Cluster(tmp_path, "company")

    async with two_replicas(tmp_path) as (one, two), cluster.node("other") as node:
        said = await play(
            go_client,
            Server(one.address),
            "Company",
            *("-run", cluster.run, "-key", cluster.secret.raw.hex()),
            orders=Company(node, Server(two.address)).orders,
        )

    assert dict(shown(said))["other"] == OTHER


async def test_fifty_clients_lose_nobody_when_a_replica_dies(
    go_client: Path, tmp_path: Path
) -> None:
    async with (
        two_replicas(tmp_path) as (one, two),
        a_balancer(one.address, two.address) as address,
    ):
        said = await play(
            go_client,
            Server(address),
            "Failover",
            orders={"kill a replica": one.kill},
        )

    assert "half of them watch again" in said
    assert "\n0 times a living node was not known" in said
