"""Somebody who uses the service as it is meant, while others do not."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from discovery.api import cluster_pb2 as pb
from discovery.api.cluster_pb2_grpc import ClusterStub
from tests.discovery.running import AWatch, a_client, an_update, listed

CLUSTER = "neighbours"
ANSWER_S = 2.0


@asynccontextmanager
async def a_neighbour(address: str) -> AsyncIterator[ClusterStub]:
    """A client with a record and a watch of its own cluster.

    In the end nothing happened to it: its watch heard of nothing but its own changes,
    its record is as it was, and it is answered within two seconds.
    """
    async with a_client(address) as client:
        record = pb.Affiliate(id="home", data=b"sealed", endpoints=[b"e"])
        await client.AffiliateUpdate(_update("home", b"sealed", b"e"))
        watch = AWatch(client, CLUSTER)
        assert (await watch.next()).affiliates == [record]
        yield client
        async with asyncio.timeout(ANSWER_S):
            assert await listed(client, CLUSTER) == {"home": record}
            await client.AffiliateUpdate(_update("new", b"n"))
            told = await watch.next()
        assert told == pb.WatchResponse(affiliates=[pb.Affiliate(id="new", data=b"n")])


def _update(
    affiliate: str, data: bytes, *endpoints: bytes
) -> pb.AffiliateUpdateRequest:
    fields = {"cluster_id": CLUSTER, "affiliate_data": data}
    return an_update(affiliate, *endpoints, ttl_ns=10**12, **fields)
