from math import inf

import pytest

from bench.discovery.knowledge import Heard, Knowledge, Reader
from bench.discovery.messages import affiliate_id, data_of
from discovery.api import cluster_pb2 as pb


def sent(*versions: tuple[int, int]) -> bytes:
    """One gRPC message that tells these versions of these affiliates."""
    affiliates = [
        pb.Affiliate(id=affiliate_id(i), data=data_of(v)) for i, v in versions
    ]
    message = pb.WatchResponse(affiliates=affiliates).SerializeToString()
    return b"\0" + len(message).to_bytes(4) + message


def follow(
    knowledge: Knowledge, records: list[tuple[float, bytes | None]], newest: list[int]
) -> Heard:
    heard = Heard()
    sent_s = dict.fromkeys(newest, 0.0)
    knowledge.follow(records, newest, sent_s, heard, Reader())
    return heard


def test_watcher_is_complete_with_the_last_piece() -> None:
    heard = follow(Knowledge(2), [(1.0, sent((0, 5))), (2.0, sent((1, 6)))], [5, 6])

    assert heard.complete_s == [2.0]
    assert (heard.messages, heard.affiliates) == (2, 2)
    assert list(heard.delays_s) == [1.0, 2.0]


def test_watcher_that_lacks_a_piece_is_never_complete() -> None:
    heard = follow(Knowledge(2), [(1.0, sent((0, 5)))], [5, 6])

    assert heard.complete_s == [inf]


def test_older_state_after_newer_counts_against_the_server() -> None:
    # a server that mixes up the order must not look fast
    heard = follow(Knowledge(1), [(1.0, sent((0, 5))), (2.0, sent((0, 4)))], [5])

    assert heard.complete_s == [inf]


def test_watch_that_was_opened_anew_begins_with_nothing() -> None:
    records = [(1.0, sent((0, 5))), (2.0, None), (3.0, sent((0, 5)))]

    heard = follow(Knowledge(1), records, [5])

    assert heard.complete_s == [3.0]
    assert (heard.messages, heard.snapshots) == (1, 1)


@pytest.mark.parametrize("cut", [0, 3, 5, 40])
def test_messages_may_arrive_in_pieces(cut: int) -> None:
    whole = sent((0, 5)) + sent((1, 6))

    heard = follow(Knowledge(2), [(1.0, whole[:cut]), (2.0, whole[cut:])], [5, 6])

    assert heard.complete_s == [2.0]
    assert heard.messages == 2


def test_who_knew_everything_before_needs_nothing() -> None:
    knowledge = Knowledge(1)
    follow(knowledge, [(1.0, sent((0, 5)))], [5])

    assert follow(knowledge, [], [5]).complete_s == [-inf]
