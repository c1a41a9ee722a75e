from itertools import islice, pairwise

from kubespan.engine.backoff import growing_delays_s


def test_delays_grow_up_to_a_cap_for_ever():
    delays = list(islice(growing_delays_s(first_s=1, factor=2, cap_s=10), 6))

    assert delays == [1, 2, 4, 8, 10, 10]


def test_delays_never_shrink_and_start_small():
    delays = list(islice(growing_delays_s(), 50))

    assert delays[0] == 0.5
    assert max(delays) == 30
    assert all(one <= other for one, other in pairwise(delays))
