import pytest
from hypothesis import given
from hypothesis import strategies as st

from discovery.state.affiliate import (
    Affiliate,
    Endpoint,
    Submission,
    merge_submission,
    says_the_same,
    sweep_affiliate,
)
from discovery.state.limits import LimitExceeded

MIN = 60 * 10**9


def a_submission(
    data: bytes = b"", *endpoints: bytes, ttl_ns: int = MIN, affiliate_id: str = "a"
) -> Submission:
    return Submission(affiliate_id, data, endpoints, ttl_ns)


def endpoint_data(affiliate: Affiliate) -> list[bytes]:
    return [endpoint.data for endpoint in affiliate.endpoints]


def test_endpoints_keep_the_order_of_their_first_mention() -> None:
    first = merge_submission(None, a_submission(b"d", b"e1", b"e2"), 0)

    second = merge_submission(first, a_submission(b"", b"e3", b"e2"), 0)

    assert endpoint_data(second) == [b"e1", b"e2", b"e3"]
    assert second.data == b"d"


def test_repetitions_in_one_submission_are_one_endpoint() -> None:
    affiliate = merge_submission(None, a_submission(b"", b"e", b"e", b"f", b"e"), 0)

    assert endpoint_data(affiliate) == [b"e", b"f"]


def test_new_data_sets_a_shorter_life() -> None:
    long = merge_submission(None, a_submission(b"d", ttl_ns=10 * MIN), 0)

    short = merge_submission(long, a_submission(b"d", ttl_ns=MIN), 0)

    assert short.expires_ns == MIN


@pytest.mark.parametrize(
    ("ttl_ns", "expires_ns"),
    [
        pytest.param(MIN, 5 * MIN, id="a shorter life does not shorten"),
        pytest.param(9 * MIN, 9 * MIN, id="a longer one extends"),
        pytest.param(-(2**63), 5 * MIN, id="a negative one does nothing"),
    ],
)
@pytest.mark.parametrize("endpoints", [(), (b"e",)], ids=["nothing", "endpoint"])
def test_submission_without_data_only_extends_life(
    endpoints: tuple[bytes, ...], ttl_ns: int, expires_ns: int
) -> None:
    before = merge_submission(None, a_submission(b"d", ttl_ns=5 * MIN), 0)

    after = merge_submission(before, a_submission(b"", *endpoints, ttl_ns=ttl_ns), 0)

    assert after.expires_ns == expires_ns


def test_known_endpoint_lives_the_longer_of_two_lives() -> None:
    before = merge_submission(None, a_submission(b"", b"e", b"f", ttl_ns=5 * MIN), 0)

    after = merge_submission(before, a_submission(b"", b"e", ttl_ns=9 * MIN), 0)
    after = merge_submission(after, a_submission(b"", b"e", ttl_ns=MIN), 0)

    assert after.endpoints == (Endpoint(b"e", 9 * MIN), Endpoint(b"f", 5 * MIN))


def test_sixty_fifth_endpoint_fails_and_known_ones_do_not() -> None:
    blobs = [b"%d" % number for number in range(64)]
    full = merge_submission(None, a_submission(b"", *blobs), 0)

    again = merge_submission(full, a_submission(b"x", *blobs), 0)

    assert len(again.endpoints) == 64
    with pytest.raises(LimitExceeded):
        merge_submission(full, a_submission(b"", b"one more"), 0)


# Source: discovery.md 2.4; the record strictly after its instant, endpoints at theirs.
@pytest.mark.parametrize(
    ("now_ns", "left"),
    [
        pytest.param(MIN - 1, [b"short", b"long"], id="just before the endpoint"),
        pytest.param(MIN, [b"long"], id="at the endpoint's instant"),
        pytest.param(3 * MIN, [], id="at the record's instant"),
        pytest.param(3 * MIN + 1, None, id="after the record's instant"),
    ],
)
def test_sweep_removes_what_has_run_out(now_ns: int, left: list[bytes] | None) -> None:
    affiliate = merge_submission(None, a_submission(b"d", b"short"), 0)
    longer = a_submission(b"", b"long", ttl_ns=3 * MIN)
    affiliate = merge_submission(affiliate, longer, 0)

    swept = sweep_affiliate(affiliate, now_ns)

    assert (endpoint_data(swept) if swept else None) == left


def test_sweep_returns_the_same_object_if_nothing_ran_out() -> None:
    affiliate = merge_submission(None, a_submission(b"d", b"e"), 0)

    assert sweep_affiliate(affiliate, affiliate.due_ns - 1) is affiliate


def test_lifetimes_make_no_difference_to_a_watcher() -> None:
    one = merge_submission(None, a_submission(b"d", b"e"), 0)

    assert says_the_same(one, merge_submission(one, a_submission(b"d", b"e"), MIN))
    assert not says_the_same(one, merge_submission(one, a_submission(b"D"), 0))
    assert not says_the_same(one, merge_submission(one, a_submission(b"", b"f"), 0))


submissions = st.builds(
    Submission,
    affiliate_id=st.just("a"),
    data=st.sampled_from([b"", b"one", b"two"]),
    endpoints=st.lists(st.binary(min_size=1, max_size=2), max_size=40).map(tuple),
    ttl_ns=st.integers(-10, 100),
)


@given(st.lists(submissions, min_size=1), st.integers(0, 120))
def test_no_history_breaks_a_record(history: list[Submission], now_ns: int) -> None:
    affiliate = None

    for submission in history:
        try:
            affiliate = merge_submission(affiliate, submission, 0)
        except LimitExceeded:
            continue

    if affiliate is not None:
        blobs = endpoint_data(affiliate)
        assert len(set(blobs)) == len(blobs) <= 64
        swept = sweep_affiliate(affiliate, now_ns)
        assert swept is affiliate or now_ns >= affiliate.due_ns
        if swept is not None:
            assert sweep_affiliate(swept, now_ns) is swept


def test_size_is_that_of_what_others_are_told() -> None:
    affiliate = Affiliate("a", bytes(100), 0, (Endpoint(bytes(32), 0),))

    assert affiliate.size_bytes == 100 + 32 + 2
