import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from discovery.api import storage_pb2 as pb
from discovery.state.affiliate import Affiliate, Endpoint
from discovery.state.limits import NS_PER_S
from discovery.state.revival import Revival
from discovery.state.stored_affiliate import (
    ENDPOINTS_READ_MAX,
    TooMuch,
    affiliate_from_message,
    message_from_affiliate,
)
from tests.discovery.records import AS_WRITTEN, NOW_NS, WALL_NS, an_affiliate


# checklist 63: TTL truncated to whole seconds, toward zero
@pytest.mark.parametrize(
    ("left_ns", "seconds"),
    [
        pytest.param(59_999_999_999, 59, id="just under a minute"),
        pytest.param(999_999_999, 0, id="less than a second"),
        pytest.param(0, 0, id="due now"),
        pytest.param(-999_999_999, 0, id="overdue by less than a second"),
        pytest.param(-1_500_000_000, -1, id="overdue"),
    ],
)
def test_life_is_truncated_toward_zero(left_ns: int, seconds: int) -> None:
    affiliate = Affiliate("a", b"", NOW_NS + left_ns, ())

    message = message_from_affiliate(affiliate, NOW_NS, whole_seconds=True)

    assert message.HasField("ttl")
    assert (message.ttl.seconds, message.ttl.nanos) == (seconds, 0)


@pytest.mark.parametrize("left_ns", [1, 1_500_000_001, -1, -2_700_000_003, 0])
def test_exact_life_comes_back_to_the_nanosecond(left_ns: int) -> None:
    expires_ns = NOW_NS + left_ns
    affiliate = Affiliate("a", b"d", expires_ns, (Endpoint(b"e", expires_ns),))

    message = message_from_affiliate(affiliate, NOW_NS, whole_seconds=False)
    again = affiliate_from_message(
        pb.AffiliateSnapshot.FromString(message.SerializeToString()), AS_WRITTEN
    )

    assert again.expires_ns == left_ns
    assert again.endpoints[0].expires_ns == left_ns


def test_order_of_endpoints_is_kept() -> None:
    affiliate = an_affiliate("a", b"e3", b"e1", b"e2")

    message = message_from_affiliate(affiliate, NOW_NS, whole_seconds=True)

    again = affiliate_from_message(message, AS_WRITTEN)
    assert [e.data for e in again.endpoints] == [b"e3", b"e1", b"e2"]


# checklist 64; discovery.md 6.4, ImportLegacyPbExpiration: +30 min, endpoint +15 min
def test_expiration_of_old_files_counts_when_there_is_no_ttl() -> None:
    message = pb.AffiliateSnapshot(
        id="a",
        expiration=_timestamp(WALL_NS + 1800 * NS_PER_S),
        endpoints=[
            pb.EndpointSnapshot(
                data=b"e", expiration=_timestamp(WALL_NS + 900 * NS_PER_S)
            )
        ],
    )
    revival = Revival.after(
        WALL_NS, wall_ns=WALL_NS, now_ns=NOW_NS, grace_ns=300 * NS_PER_S
    )

    affiliate = affiliate_from_message(message, revival)
    again = message_from_affiliate(affiliate, NOW_NS, whole_seconds=True)

    assert again.ttl.seconds == 1800
    assert again.endpoints[0].ttl.seconds == 900
    assert not again.HasField("expiration")


def test_ttl_wins_over_expiration() -> None:
    message = pb.AffiliateSnapshot(
        id="a", expiration=_timestamp(WALL_NS), ttl=Duration(seconds=7)
    )

    affiliate = affiliate_from_message(message, AS_WRITTEN)

    assert affiliate.expires_ns == 7 * NS_PER_S


def test_life_that_is_not_said_is_over() -> None:
    affiliate = affiliate_from_message(pb.AffiliateSnapshot(id="a"), AS_WRITTEN)

    assert affiliate.expires_ns < 0


def test_of_equal_endpoints_the_longest_life_counts() -> None:
    message = pb.AffiliateSnapshot(id="a")
    for seconds in (5, 9, 7):
        message.endpoints.add(data=b"e", ttl=Duration(seconds=seconds))

    affiliate = affiliate_from_message(message, AS_WRITTEN)

    assert affiliate.endpoints == (Endpoint(b"e", 9 * NS_PER_S),)


def test_hostile_number_of_endpoints_is_refused() -> None:
    message = pb.AffiliateSnapshot(id="a")
    for _ in range(ENDPOINTS_READ_MAX + 1):
        message.endpoints.add()

    with pytest.raises(TooMuch, match="endpoints"):
        affiliate_from_message(message, AS_WRITTEN)


def _timestamp(wall_ns: int) -> Timestamp:
    seconds, nanos = divmod(wall_ns, NS_PER_S)
    return Timestamp(seconds=seconds, nanos=nanos)
