from hypothesis import given
from hypothesis import strategies as st

from kubespan.logic.diff import diff

KEYED = st.dictionaries(st.text(max_size=3), st.integers(0, 3), max_size=8)


@given(KEYED, KEYED)
def test_applying_a_diff_gives_what_is_desired(desired, actual):
    changes = diff(desired, actual)

    kept = {k: v for k, v in actual.items() if k not in changes.delete}

    assert kept | changes.create | changes.update == desired


@given(KEYED)
def test_nothing_needs_doing_when_all_is_as_desired(desired):
    assert not diff(desired, dict(desired))


def test_parts_are_disjoint_and_hold_what_is_desired_or_what_goes():
    changes = diff({"new": 1, "changed": 2}, {"changed": 1, "old": 3})

    assert changes.create == {"new": 1}
    assert changes.update == {"changed": 2}
    assert changes.delete == {"old": 3}
