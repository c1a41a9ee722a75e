import io
from collections.abc import Callable
from functools import partial

import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import given
from hypothesis import strategies as st

from discovery.api import storage_pb2 as pb
from discovery.state.affiliate import Affiliate, Endpoint
from discovery.state.limits import NS_PER_S
from discovery.state.snapshot import (
    AFFILIATE_RECORD_BYTES_MAX,
    AFFILIATES_READ_MAX,
    CLUSTER_RECORD_BYTES_MAX,
    SnapshotFault,
    StoredCluster,
    encode_snapshot,
    read_clusters,
)
from discovery.state.wire_fields import encode_varint
from tests.discovery.records import AS_WRITTEN, EXAMPLE, WALL_NS, a_snapshot

# As the official service wrote it before v1.0.17: absolute instants, no ttl.
LEGACY = pb.StateSnapshot(
    clusters=[
        pb.ClusterSnapshot(
            id="old",
            affiliates=[
                pb.AffiliateSnapshot(
                    id="a",
                    data=b"d",
                    expiration=Timestamp(seconds=WALL_NS // NS_PER_S + 1800),
                    endpoints=[
                        pb.EndpointSnapshot(
                            data=b"e",
                            expiration=Timestamp(seconds=WALL_NS // NS_PER_S + 900),
                        )
                    ],
                )
            ],
        )
    ]
).SerializeToString()


def read(content: bytes) -> list[StoredCluster]:
    return list(read_clusters(io.BytesIO(content).read, AS_WRITTEN))


def read_until_fault(content: bytes) -> tuple[list[str], SnapshotFault]:
    found: list[str] = []
    try:
        for cluster in read_clusters(io.BytesIO(content).read, AS_WRITTEN):
            found.append(cluster.id)  # noqa: PERF401 - up to the fault
    except SnapshotFault as fault:
        return found, fault
    pytest.fail("no fault")


def encode(clusters: list[StoredCluster]) -> bytes:
    contents = [(cluster.id, cluster.affiliates) for cluster in clusters]
    return b"".join(encode_snapshot(contents, now_ns=0))


def a_cluster(cluster_id: bytes, *affiliates: bytes) -> bytes:
    """The bytes of one cluster, right or wrong."""
    record = b"\x0a" + encode_varint(len(cluster_id)) + cluster_id
    for affiliate in affiliates:
        record += b"\x12" + encode_varint(len(affiliate)) + affiliate
    return b"\x0a" + encode_varint(len(record)) + record


# checklist 62; discovery.md 4.1 [V]
def test_example_of_the_reference_round_trips_byte_for_byte() -> None:
    clusters = read(EXAMPLE)

    assert clusters == [
        StoredCluster(
            "r",
            (Affiliate("A", b"d", 59 * NS_PER_S, (Endpoint(b"e", 59 * NS_PER_S),)),),
        ),
        StoredCluster("empty", ()),
    ]
    assert encode(clusters) == EXAMPLE


# checklist 62: the file is one serialized StateSnapshot
def test_file_is_what_any_protobuf_library_reads_whole() -> None:
    written = a_snapshot("c1", "c2", affiliates=3)

    message = pb.StateSnapshot.FromString(written)

    assert [cluster.id for cluster in message.clusters] == ["c1", "c2"]
    assert message.clusters[1].affiliates[2].ttl == Duration(seconds=600)
    assert message.SerializeToString() == written


# checklist 64
def test_file_of_before_there_were_ttls_is_read() -> None:
    (cluster,) = read(LEGACY)

    (affiliate,) = cluster.affiliates
    assert affiliate.expires_ns == 1800 * NS_PER_S
    assert affiliate.endpoints[0].expires_ns == 900 * NS_PER_S


# checklist 67: nothing is a file too
def test_empty_file_is_an_empty_state() -> None:
    assert read(b"") == []
    assert encode([]) == b""


def test_cluster_of_no_bytes_is_a_cluster_without_name() -> None:
    # what the reference saves after it has read a file that ends after a tag
    assert read(b"\x0a\x00" + EXAMPLE)[0] == StoredCluster("", ())


# checklist 66
@pytest.mark.parametrize(
    ("damage", "offset", "reason"),
    [
        pytest.param(b"\x0a", 0, "ends where a cluster begins", id="ends after a tag"),
        pytest.param(b"\x0a\x80", 0, "ends where", id="ends inside a length"),
        pytest.param(b"\x0a\x05ab", 0, "cut short by 3 bytes", id="truncated"),
        pytest.param(b"\x0a" + b"\x80" * 10, 0, "length", id="endless length"),
        pytest.param(b"\x12\x00", 0, "0x12 where", id="wrong field number"),
        pytest.param(b"\x08\x00", 0, "0x08 where", id="wrong wire type"),
        pytest.param(b"<html>", 0, "0x3c where", id="another kind of file"),
        pytest.param(a_cluster(b"empty"), 0, "second time", id="duplicate ID"),
        pytest.param(
            b"\x0a" + encode_varint(CLUSTER_RECORD_BYTES_MAX + 1),
            0,
            "too large",
            id="over-large cluster",
        ),
        pytest.param(a_cluster(b"x", b"\x0a\x05"), 8, "cut short", id="inside"),
        pytest.param(
            a_cluster(b"x", b"\x1a\x01d\xff"), 10, "does not end", id="deep inside"
        ),
    ],
)
def test_damage_is_told_with_its_place_and_what_stands_before_is_kept(
    damage: bytes, offset: int, reason: str
) -> None:
    found, fault = read_until_fault(EXAMPLE + damage)

    assert found == ["r", "empty"]
    assert fault.offset == len(EXAMPLE) + offset
    assert reason in fault.reason
    assert str(fault) == f"byte {fault.offset}: {fault.reason}"


@pytest.mark.parametrize("length", range(1, len(EXAMPLE)), ids=str)
def test_file_cut_anywhere_gives_the_clusters_before(length: int) -> None:
    first = 26  # where the cluster r ends
    if length == first:
        assert [c.id for c in read(EXAMPLE[:length])] == ["r"]
        return

    found, fault = read_until_fault(EXAMPLE[:length])

    assert found == (["r"] if length > first else [])
    assert fault.offset == (first if length > first else 0)


def test_size_of_a_cluster_is_bounded_as_by_the_reference() -> None:
    def endless(size: int) -> bytes:
        return next(parts, bytes(size))

    length = encode_varint(CLUSTER_RECORD_BYTES_MAX)
    parts = iter([b"\x0a", *(bytes([byte]) for byte in length)])
    at_most = read_clusters(endless, AS_WRITTEN)

    with pytest.raises(SnapshotFault, match="without number"):
        next(at_most)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        pytest.param(
            partial(a_cluster, b"x", *[b""] * (AFFILIATES_READ_MAX + 1)),
            "affiliates",
            id="affiliates",
        ),
        pytest.param(
            partial(a_cluster, b"x", b"\x22\x00" * 1000), "endpoints", id="endpoints"
        ),
        pytest.param(
            partial(a_cluster, b"x", bytes(AFFILIATE_RECORD_BYTES_MAX + 1)),
            "an affiliate of",
            id="size of an affiliate",
        ),
    ],
)
def test_hostile_numbers_are_refused(content: Callable[[], bytes], reason: str) -> None:
    found, fault = read_until_fault(EXAMPLE + content())

    assert found == ["r", "empty"]
    assert reason in fault.reason


def test_hostile_number_of_clusters_is_refused() -> None:
    content = b"".join(a_cluster(b"%d" % number) for number in range(5))

    clusters = read_clusters(io.BytesIO(content).read, AS_WRITTEN, clusters_max=3)

    assert [next(clusters).id for _ in range(3)] == ["0", "1", "2"]
    with pytest.raises(SnapshotFault, match="more than 3 clusters"):
        next(clusters)


# discovery.md 2.8: the reference stores invalid UTF-8, so its files can have some
def test_ids_that_are_no_text_cost_nothing_but_themselves() -> None:
    good = pb.AffiliateSnapshot(id="good", data=b"d").SerializeToString()
    bad = b"\x0a\x01\xff\x1a\x01d"
    content = a_cluster(b"c1", bad, good) + a_cluster(b"\xff", good) + a_cluster(b"c2")

    clusters = read(content)

    assert [a.id for a in clusters[0].affiliates] == ["good"]
    assert [c.unreadable for c in clusters] == [1, 1, 0]
    assert clusters[1].affiliates == ()
    assert clusters[2].id == "c2"


def test_fields_of_the_future_are_ignored() -> None:
    affiliate = pb.AffiliateSnapshot(id="a").SerializeToString() + b"\x52\x01x"
    record = b"\x0a\x01c\x12" + encode_varint(len(affiliate)) + affiliate + b"\x1a\x01x"

    (cluster,) = read(b"\x0a" + encode_varint(len(record)) + record)

    assert [a.id for a in cluster.affiliates] == ["a"]


def test_of_two_affiliates_with_one_id_the_later_counts() -> None:
    one = pb.AffiliateSnapshot(id="a", data=b"1").SerializeToString()
    two = pb.AffiliateSnapshot(id="a", data=b"2").SerializeToString()

    (cluster,) = read(a_cluster(b"c", one, two))

    assert [a.data for a in cluster.affiliates] == [b"2"]


def test_no_step_of_encoding_covers_more_than_some_hundred_records() -> None:
    endpoints = tuple(Endpoint(b"%d" % n, 0) for n in range(64))
    affiliates = tuple(Affiliate(str(n), b"d", 0, endpoints) for n in range(1024))

    parts = list(encode_snapshot([("c", affiliates)], 0))

    assert parts.count(b"") >= 1024 * 65 // 1000
    assert len(read(b"".join(parts))[0].affiliates) == 1024


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
lives = st.integers(-(10**6), 1800).map(lambda seconds: seconds * NS_PER_S)
affiliates = st.builds(
    Affiliate,
    texts,
    st.binary(max_size=50),
    lives,
    st.lists(
        st.builds(Endpoint, st.binary(max_size=8), lives),
        max_size=5,
        unique_by=lambda endpoint: endpoint.data,
    ).map(tuple),
)
clusters = st.builds(
    StoredCluster,
    texts,
    st.lists(affiliates, max_size=4, unique_by=lambda a: a.id).map(tuple),
)
states = st.lists(clusters, max_size=4, unique_by=lambda cluster: cluster.id)


@given(states)
def test_whatever_is_stored_comes_back(state: list[StoredCluster]) -> None:
    assert read(encode(state)) == state


@given(states, st.data())
def test_whatever_happens_to_a_file_is_told_or_does_not_matter(
    state: list[StoredCluster], data: st.DataObject
) -> None:
    content = bytearray(encode(state))
    for _ in range(data.draw(st.integers(0, 3))):
        at = data.draw(st.integers(0, len(content)))
        length = data.draw(st.integers(0, 3))
        content[at : at + length] = data.draw(st.binary(max_size=4))

    _read_or_be_told(bytes(content))


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(content: bytes) -> None:
    _read_or_be_told(content)
    _read_or_be_told(a_cluster(b"c", content))


def _read_or_be_told(content: bytes) -> None:
    try:
        found = read(content)
    except SnapshotFault as fault:
        assert 0 <= fault.offset <= len(content)  # noqa: PT017 - or none at all
    else:
        assert all(len(c.affiliates) <= AFFILIATES_READ_MAX for c in found)
