from hypothesis import given
from hypothesis import strategies as st

from kubespan.logic.peers.overlaps import divide_spans
from kubespan.logic.prefixes import merge_spans, subtract_spans

SPAN = st.tuples(st.integers(0, 60), st.integers(0, 9)).map(
    lambda pair: (pair[0], pair[0] + pair[1])
)
CLAIMS = st.lists(st.lists(SPAN, max_size=5).map(merge_spans), max_size=8)


@given(CLAIMS)
def test_division_is_each_claim_without_all_before_it(claims):
    division = divide_spans(claims)

    taken: tuple[tuple[int, int], ...] = ()
    for rank, claim in enumerate(claims):
        expected = subtract_spans(claim, taken)
        assert division.kept_by_loser.get(rank, claim) == expected
        assert (rank in division.winner_by_loser) == (expected != claim)
        taken = merge_spans((*taken, *claim))


@given(CLAIMS)
def test_a_loser_is_told_of_one_who_really_took_something(claims):
    division = divide_spans(claims)

    for loser, winner in division.winner_by_loser.items():
        assert winner < loser
        assert subtract_spans(claims[loser], claims[winner]) != claims[loser]


def test_without_overlap_nobody_loses():
    division = divide_spans([((1, 2), (5, 6)), ((3, 4),), ()])

    assert division.kept_by_loser == {}


def test_many_claims_of_the_same_ground_cost_no_pairwise_comparison():
    claims = [((0, 1000),)] * 5000

    division = divide_spans(claims)

    assert len(division.winner_by_loser) == 4999
    assert set(division.kept_by_loser.values()) == {()}
