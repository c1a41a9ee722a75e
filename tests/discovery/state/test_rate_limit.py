from hypothesis import given
from hypothesis import strategies as st

from discovery.state.limits import RATE_WAIT_NS_MAX, WAITING_CALLS_MAX
from discovery.state.rate_limit import RateLimiter

S = 10**9
MS = 10**6


def a_limiter_out_of_tokens(rate_per_s: float = 15, burst: int = 60) -> RateLimiter:
    limiter = RateLimiter(rate_per_s, burst)
    waits = [limiter.reserve("x", 0) for _ in range(burst)]
    assert waits == [0] * burst
    return limiter


def test_after_the_burst_calls_wait_for_one_token_each() -> None:
    limiter = a_limiter_out_of_tokens(rate_per_s=10)

    waits = [limiter.reserve("x", 0) for _ in range(3)]

    assert waits == [100 * MS, 200 * MS, 300 * MS]


def test_call_that_cannot_wait_is_refused_and_takes_no_token() -> None:
    limiter = a_limiter_out_of_tokens(rate_per_s=10)

    refused = [limiter.reserve("x", 0, 99 * MS) for _ in range(5)]

    assert refused == [None] * 5
    assert limiter.reserve("x", 0, 100 * MS) == 100 * MS


def test_negative_patience_is_none() -> None:
    limiter = RateLimiter(10, 1)

    assert limiter.reserve("x", 0, -5) == 0
    assert limiter.reserve("x", 0, -5) is None


def test_nobody_waits_longer_than_a_minute() -> None:
    limiter = a_limiter_out_of_tokens(rate_per_s=1)

    waits = [limiter.reserve("x", 0, 10**18) for _ in range(62)]

    assert waits[59:] == [RATE_WAIT_NS_MAX, None, None]


def test_clients_do_not_share_a_bucket() -> None:
    limiter = a_limiter_out_of_tokens()

    assert limiter.reserve("y", 0) == 0


def test_tokens_come_back_with_time_up_to_the_burst() -> None:
    limiter = a_limiter_out_of_tokens(rate_per_s=10, burst=5)

    after_an_hour = [limiter.reserve("x", 3600 * S) for _ in range(6)]

    assert after_an_hour == [0, 0, 0, 0, 0, 100 * MS]


def test_cancelled_call_gives_its_token_back() -> None:
    limiter = a_limiter_out_of_tokens(rate_per_s=10)
    limiter.reserve("x", 0)

    limiter.give_back("x")

    assert limiter.reserve("x", 0) == 100 * MS


def test_giving_back_to_a_forgotten_bucket_is_harmless() -> None:
    limiter = RateLimiter(10, 5)

    limiter.give_back("x")

    assert len(limiter) == 0


def test_only_full_buckets_are_forgotten() -> None:
    # Source: discovery.md 6.4, DoGC.
    limiter = RateLimiter(1, 1)
    limiter.reserve("x", 0)

    assert limiter.forget_full(S - 1) == 0
    assert limiter.forget_full(2 * S) == 1
    assert len(limiter) == 0


def test_rate_of_zero_limits_nobody() -> None:
    limiter = RateLimiter(0, 1)

    assert {limiter.reserve("x", 0) for _ in range(1000)} == {0}
    assert len(limiter) == 0


@given(st.lists(st.tuples(st.integers(0, 300 * MS), st.booleans())))
def test_no_second_sees_more_than_rate_and_burst(
    calls: list[tuple[int, bool]],
) -> None:
    rate, burst = 10, 4
    limiter = RateLimiter(rate, burst)
    now_ns = 0
    turns = []

    for pause_ns, patient in calls:
        now_ns += pause_ns
        wait_ns = limiter.reserve("x", now_ns, 10 * S if patient else 0)
        if wait_ns is not None:
            turns.append(now_ns + wait_ns)

    assert turns == sorted(turns)
    for first, turn in enumerate(turns):
        in_a_second = [later for later in turns[first:] if later - turn < S]
        assert len(in_a_second) <= rate + burst


def test_stranger_gets_a_bucket_while_there_is_room() -> None:
    limiter = RateLimiter(1, 1, buckets_max=2)
    limiter.reserve(limiter.find_bucket("a", 0), 0)

    assert limiter.find_bucket("b", 0) == "b"


def test_strangers_share_a_bucket_when_there_is_no_room() -> None:
    limiter = RateLimiter(1, 1, buckets_max=2)
    for client in ("a", "b"):
        limiter.reserve(limiter.find_bucket(client, 0), 0)

    strangers = {limiter.find_bucket(f"new {number}", 0) for number in range(1000)}
    limiter.reserve(strangers.pop(), 0)

    assert strangers == set()
    assert len(limiter) == 3
    assert limiter.find_bucket("a", 0) == "a"


def test_silent_clients_make_room_for_strangers() -> None:
    limiter = RateLimiter(1, 1, buckets_max=2)
    for client in ("a", "b"):
        limiter.reserve(limiter.find_bucket(client, 0), 0)

    assert limiter.find_bucket("new", 2 * S) == "new"
    assert len(limiter) == 0


def test_flood_of_strangers_looks_through_all_buckets_once_a_second() -> None:
    limiter = RateLimiter(0.001, 1, buckets_max=2)
    for client in ("a", "b"):
        limiter.reserve(limiter.find_bucket(client, 0), 0)
    scans = []
    scan = limiter.forget_full
    limiter.forget_full = lambda now_ns: scans.append(now_ns) or scan(now_ns)

    for number in range(3000):
        limiter.find_bucket(f"new {number}", number * MS)

    assert len(scans) == 3


def test_calls_of_one_client_that_wait_are_bounded_at_any_rate() -> None:
    limiter = RateLimiter(1_000_000, 1)

    waiting = sum(limiter.reserve("x", 0) is not None for _ in range(10_000))

    assert waiting == 1 + WAITING_CALLS_MAX
