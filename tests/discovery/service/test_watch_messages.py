from discovery.api import cluster_pb2 as pb
from discovery.service.watch_messages import (
    SNAPSHOT_BYTES_MAX,
    encode_changes,
    encode_list,
    encode_snapshot,
)
from discovery.state.affiliate import Affiliate, Endpoint
from discovery.state.cluster import Change

A = Affiliate("a", b"d", 0, (Endpoint(b"e1", 0), Endpoint(b"e2", 0)))
B = Affiliate("b", b"", 0, ())
# Every field at its maximum, as in discovery.md 2.5.
FULL = [
    Affiliate(
        f"{number:0256}",
        bytes(2048),
        0,
        tuple(Endpoint(bytes([number % 256, index] * 16), 0) for index in range(64)),
    )
    for number in range(1024)
]


def test_list_holds_whole_records_with_endpoints_in_order() -> None:
    response = pb.ListResponse.FromString(encode_list([A, B]))

    assert [affiliate.id for affiliate in response.affiliates] == ["a", "b"]
    assert list(response.affiliates[0].endpoints) == [b"e1", b"e2"]


def test_list_of_a_full_cluster_has_the_size_of_the_reference() -> None:
    assert len(encode_list(FULL)) == 4_596_736


def test_snapshot_of_nothing_is_one_empty_message() -> None:
    assert encode_snapshot([]) == (b"",)


def test_snapshot_is_one_message_of_all_records() -> None:
    (message,) = encode_snapshot([A, B])

    a = pb.Affiliate(id="a", data=b"d", endpoints=[b"e1", b"e2"])
    expected = pb.WatchResponse(affiliates=[a, pb.Affiliate(id="b")])
    assert pb.WatchResponse.FromString(message) == expected


def test_snapshot_too_large_for_a_client_goes_on_in_more_messages() -> None:
    messages = encode_snapshot(FULL)

    decoded = [pb.WatchResponse.FromString(message) for message in messages]
    assert len(messages) == 2
    assert max(map(len, messages)) <= SNAPSHOT_BYTES_MAX
    told = [affiliate.id for message in decoded for affiliate in message.affiliates]
    assert told == [affiliate.id for affiliate in FULL]
    assert not any(message.deleted for message in decoded)


def test_deletion_says_nothing_but_who() -> None:
    # affiliates { id: "a" } deleted: true
    assert encode_changes([Change("a", None)]) == (bytes.fromhex("0a03 0a0161 1001"),)


def test_upsert_is_a_whole_record() -> None:
    (message,) = encode_changes([Change("a", A, created=True)])

    assert message == bytes.fromhex("0a0e 0a0161 120164 1a026531 1a026532")


def test_deletions_and_the_living_never_share_a_message() -> None:
    changes = [Change("a", A), Change("x", None), Change("b", B), Change("y", None)]

    messages = [pb.WatchResponse.FromString(m) for m in encode_changes(changes)]

    told = [(m.deleted, [affiliate.id for affiliate in m.affiliates]) for m in messages]
    assert told == [(True, ["x", "y"]), (False, ["a", "b"])]


def test_no_change_is_no_message() -> None:
    assert encode_changes([]) == ()
