"""Records, clocks and snapshots for tests of what outlives the process."""

from dataclasses import dataclass
from pathlib import Path

from discovery.api import storage_pb2 as pb
from discovery.state.affiliate import Affiliate, Endpoint, Submission
from discovery.state.clusters import Clusters
from discovery.state.limits import NS_PER_S
from discovery.state.revival import Revival
from discovery.state.snapshot import encode_snapshot
from discovery.stores.clocks import Clocks

WALL_NS = 1_700_000_000 * NS_PER_S
NOW_NS = 5_000 * NS_PER_S
AS_WRITTEN = Revival.as_written(WALL_NS)

# discovery.md 4.1 [V]: r {affiliate A, data d, endpoint e, 59 s left}, empty {}
EXAMPLE = bytes.fromhex(
    "0a180a017212130a01411a016422071201651a02083b2a02083b0a070a05656d707479"
)


def an_affiliate(
    affiliate_id: str = "af1",
    *endpoints: bytes,
    data: bytes = b"sealed",
    life_s: float = 600.0,
    now_ns: int = NOW_NS,
) -> Affiliate:
    expires_ns = now_ns + round(life_s * NS_PER_S)
    return Affiliate(
        affiliate_id,
        data,
        expires_ns,
        tuple(Endpoint(data, expires_ns) for data in endpoints),
    )


def a_submission(
    affiliate_id: str = "af1",
    *endpoints: bytes,
    data: bytes = b"sealed",
    ttl_s: float = 600.0,
) -> Submission:
    return Submission(affiliate_id, data, endpoints, round(ttl_s * NS_PER_S))


def a_snapshot(*cluster_ids: str, life_s: float = 600.0, affiliates: int = 2) -> bytes:
    """A whole snapshot in which every cluster has so many affiliates."""
    records = tuple(
        an_affiliate(f"af{number}", b"e1", b"e2", life_s=life_s)
        for number in range(affiliates)
    )
    clusters = [(cluster_id, records) for cluster_id in cluster_ids]
    return b"".join(encode_snapshot(clusters, NOW_NS))


def parsed(path: Path) -> pb.StateSnapshot:
    """A snapshot file as any protobuf library reads it."""
    return pb.StateSnapshot.FromString(path.read_bytes())


def said(clusters: Clusters) -> dict[tuple[str, str], tuple[bytes, tuple[bytes, ...]]]:
    """What clients can read, without lifetimes."""
    return {
        (cluster_id, affiliate.id): (
            affiliate.data,
            tuple(endpoint.data for endpoint in affiliate.endpoints),
        )
        for cluster_id in clusters.cluster_ids
        for affiliate in clusters.affiliates(cluster_id)
    }


@dataclass
class HandClocks:
    """Two clocks that are set by hand."""

    now_ns: int = NOW_NS
    wall_ns: int = WALL_NS

    def advance(self, seconds: float) -> None:
        self.now_ns += round(seconds * NS_PER_S)
        self.wall_ns += round(seconds * NS_PER_S)

    @property
    def clocks(self) -> Clocks:
        return Clocks(lambda: self.now_ns, lambda: self.wall_ns)
